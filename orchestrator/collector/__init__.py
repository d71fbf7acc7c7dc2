"""Records of trials -> measures, statistics, verdicts, CSV, terminal table and figure.

read_run      a run directory, read and checked
measure       one trial's records -> its measures
judge_trial   measures -> may the figure be used?
summarise     a run -> rows (model x schedule)
report        all of it: writes the summary files, returns rows and table
spans, trace, trace_figure (modules)    what layers and slices took -> a trace and its figure
"""

from orchestrator.collector.measure import PortDrops, Shares, TrialMeasure, measure
from orchestrator.collector.records import FailedTrial, Run, Trial, read_run, read_trial
from orchestrator.collector.report import Report, report
from orchestrator.collector.statistics import Estimate, estimate, speedup
from orchestrator.collector.summary import Row, Summary, summarise
from orchestrator.collector.table import SummaryTable
from orchestrator.collector.verdict import Level, Verdict, judge_run, judge_trial, worst

__all__ = [
    "Estimate",
    "FailedTrial",
    "Level",
    "PortDrops",
    "Report",
    "Row",
    "Run",
    "Shares",
    "Summary",
    "SummaryTable",
    "Trial",
    "TrialMeasure",
    "Verdict",
    "estimate",
    "judge_run",
    "judge_trial",
    "measure",
    "read_run",
    "read_trial",
    "report",
    "speedup",
    "summarise",
    "worst",
]
