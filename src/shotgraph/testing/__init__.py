"""What plugin authors and our own tests run nodes with: synthetic nodes of every contract, and a registry of given classes."""
