"""What runs on the hosts of a testbed: the parameter server and the workers.

Needs numpy and nothing else, and never imports `orchestrator`, so that it can be shipped to a host
as a bundle of files and started there with `python -m workloads JOB.json`.

    models, devices, schedules      what can be asked for (the orchestrator reads them too)
    job, events, records            what a process is told, says and writes down
    layout, wire                    tensors cut into slices, slices in frames
    network, transport              sockets, frames through them, send queues
    peers, server, progress         the parameter server: who connects, what it does, what it notes
    aggregation                     its arithmetic
    calibration                     the same frames both ways at full speed, without training
    worker, inbox, compute          a worker: its iterations, its waiting, its computation
    errors                          how all of them fail
"""
