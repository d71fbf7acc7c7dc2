"""Networks as torch modules; what imports torch is in this folder and nowhere else."""
