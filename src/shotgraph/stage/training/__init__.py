"""Training the tiny models of the stage: one recipe a file, one loop for all."""
