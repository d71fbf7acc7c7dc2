"""DistributedDataParallel as a reader would write it: nothing here knows of dmlbed."""

import json
import time

import torch
from torch.nn.parallel import DistributedDataParallel

BATCH, STEPS = 32, 12

torch.set_num_threads(1)
torch.distributed.init_process_group("gloo")
torch.manual_seed(1)
rank, ranks = torch.distributed.get_rank(), torch.distributed.get_world_size()
model = torch.nn.Sequential(torch.nn.Linear(1000, 4000), torch.nn.ReLU(), torch.nn.Linear(4000, 10))
parallel = DistributedDataParallel(model)
optimizer = torch.optim.SGD(parallel.parameters(), lr=0.01)

for _ in range(STEPS):
    begin = time.monotonic()
    images, labels = torch.randn(BATCH, 1000), torch.randint(0, 10, (BATCH,))
    loss = torch.nn.functional.cross_entropy(parallel(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if rank == 0:
        seconds = time.monotonic() - begin
        print(json.dumps({"imgs_per_sec": ranks * BATCH / seconds, "loss": float(loss)}))

torch.distributed.destroy_process_group()
