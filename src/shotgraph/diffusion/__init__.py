"""What diffusion edit methods share: model bundles, noise, samplers, inversion. It knows no node."""
