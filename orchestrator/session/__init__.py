"""One run from request to report.

launch      outside the box: resolve a request, start the box, continue a run that was stopped
inner       inside the box: build the testbed, run the trials
probes      measure the testbed itself
scale       at which scale, by calibration
testbed     the testbed's protocol, and how one is opened
store       the run's directory while it is written
plan        what will be done: trials, jobs, the run plan
"""
