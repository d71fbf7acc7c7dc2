"""Networks as torch modules; what imports torch is in this folder and nowhere else."""

from workloads.torch_models.pacing import paced

__all__ = ["paced"]
