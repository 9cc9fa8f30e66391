"""The benchmark on the stage: methods, controls, claims frozen beforehand, and a report that says what it cannot show."""
