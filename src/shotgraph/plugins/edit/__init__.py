"""Methods that change the picture, one file each."""
