"""Sum a model's gradients between all hosts by gloo's all-reduce, with nothing computed.

One process on each host: `python3 all_reduce.py alexnet`. Each round prints a line with the images
per second that a training with a batch of one would have if it did nothing else, and in the end
each process says what it has sent. Nothing here belongs to the testbed.
"""

import argparse
import json
import time

import torch
from torch import distributed

from workloads.torch_models.modules import module_of


def main() -> None:
    """Exchange; the process group is told by the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a network of the library")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()

    torch.set_num_threads(1)
    distributed.init_process_group("gloo")
    rank, ranks = distributed.get_rank(), distributed.get_world_size()
    with torch.device("meta"):  # sizes only
        network = module_of(chosen.model)
    gradients = torch.ones(sum(one.numel() for one in network.parameters()))
    print("ready", flush=True)

    distributed.barrier()
    begin = time.monotonic()
    for _ in range(chosen.rounds):
        distributed.all_reduce(gradients)
        end = time.monotonic()
        print(json.dumps({"imgs_per_sec": ranks / (end - begin)}), flush=True)
        begin = end

    # gloo sums round a ring: each process passes 2(n - 1) of n parts on to the one before it.
    part = -(-gradients.numel() // ranks) * gradients.element_size()
    sent = chosen.rounds * 2 * (ranks - 1) * part
    print(json.dumps({"sent": {(rank - 1) % ranks: sent}}), flush=True)
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
