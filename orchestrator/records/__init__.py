"""What a run leaves behind: one class per record, for who writes it and for who reads it.

directory     the layout of a run's directory: every path in it
files         records as files: read with the place of what is broken, written as JSON
trial         trial.json
network       network.json: ports, classes, flows, caps, CPU
goodput       what the links carried before the trials (run.json)
bench         what a bench measured between whom (run.json)

`workloads.process.process_records` has what the processes on the hosts write down.
"""
