"""Train a network with DistributedDataParallel over gloo, at the speed of an emulated device.

One process on each host: `python3 ddp.py alexnet --hook powersgd`. Each iteration prints a line
with the images (or sequences) per second of all processes together. Only `paced` belongs to the
testbed: without it the same script trains for real, as fast as this machine can.
"""

import argparse
import json
import time

import torch
from torch import distributed
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks, powerSGD_hook
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from workloads.torch_models import paced
from workloads.torch_models.modules import module_of


def compress(parallel: DistributedDataParallel, hook: str) -> None:
    """Have gradients sent as 16-bit floats, or by low rank; "none" sends them as they are."""
    if hook == "fp16":
        parallel.register_comm_hook(None, default_hooks.fp16_compress_hook)
    elif hook == "powersgd":
        # The first iterations do not compress: buckets change after the first one.
        state = powerSGD_hook.PowerSGDState(None, start_powerSGD_iter=2)
        parallel.register_comm_hook(state, one_at_a_time)


def one_at_a_time(state, bucket):
    """Send a bucket by low rank, and wait for it.

    Each bucket takes two all-reduces, and the second of one could come before or after the first of
    the next, on each host as it happens. gloo then ends the process ("collective mismatch").
    """
    sent = powerSGD_hook.powerSGD_hook(state, bucket)
    sent.wait()
    return sent


def main() -> None:
    """Train; the process group is told by the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a model of the library")
    parser.add_argument("--hook", choices=("none", "fp16", "powersgd"), default="none")
    parser.add_argument("--batch", type=int, default=1, help="images, or sequences, per process")
    parser.add_argument("--iterations", type=int, default=5)
    chosen = parser.parse_args()

    torch.set_num_threads(1)
    distributed.init_process_group("gloo")
    network = paced(module_of(chosen.model))
    parallel = DistributedDataParallel(network, gradient_as_bucket_view=True)
    compress(parallel, chosen.hook)
    optimizer = torch.optim.SGD(parallel.parameters(), lr=0.01)
    images = torch.zeros(chosen.batch, *network.input_shape, dtype=network.input_dtype)
    # Finds out about the layers, once, before time is taken.
    *places, _classes = parallel(images).shape
    labels = torch.zeros(*places, dtype=torch.int64).flatten()
    print("ready", flush=True)

    distributed.barrier()
    begin = time.monotonic()
    for _ in range(chosen.iterations):
        loss = cross_entropy(parallel(images).flatten(0, -2), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        end = time.monotonic()
        trained = chosen.batch * distributed.get_world_size()
        print(json.dumps({"imgs_per_sec": trained / (end - begin)}), flush=True)
        begin = end
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
