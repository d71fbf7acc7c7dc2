"""The OpenFlow controller: what every switch forwards, and which class each flow has.

rules       topology and class plan -> the rules of every switch (pure)
app         the application: keeps the switches at the wanted rules, answers requests
openflow    the one module that imports the OpenFlow library (Ryu)
client      the conductor's end of the request socket
session     the controller as the conductor sees it: started, awaited, asked, missed when it is gone

`python -m orchestrator.controller SETTINGS` is the controller's process.
"""
