"""What runs on the hosts of a testbed: the parameter server and the workers.

Needs numpy and nothing else, and never imports `orchestrator`, so that it can be shipped to a host
as a bundle of files and started there with `python -m workloads JOB.json`.

Each room imports only those below it; the orchestrator reads the two pure ones, too.

    programs    the processes: parameter server, worker, calibration, urgent units; what they are
                told (job), say (events) and write down (records)
    training    gradients, and what they do to the parameters
    transport   frames, sockets, send queues, and the memory that payloads come from and go to
    schedule    schedules, how a model is cut into units, and what workers wait for: pure
    models      what can be trained, and on which devices: pure
    errors      how all of them fail
"""
