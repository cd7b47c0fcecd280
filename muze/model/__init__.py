"""The networks and the mathematics of diffusion."""
