"""What analysis nodes share: detectors of other libraries under our loading rules, and what is done with their answers."""
