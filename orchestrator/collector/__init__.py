"""Records of trials -> measures, statistics, verdicts, CSV, terminal table and figure.

read_run      a run directory, read and checked
measure       one trial's records -> its measures
judge_trial   measures -> may the figure be used?
summarise     a run -> rows (model x schedule)
report        all of it: writes the summary files, returns rows and table
is_sweep, report_sweep    the same of a sweep: its points together, beside predicted curves
spans, trace (modules)                what layers and slices took -> a trace
render (folder)                       the figures; imported only where something is drawn
"""

from orchestrator.collector.directories import RUN_FORMAT, check_run_directory, is_sweep
from orchestrator.collector.measure import PortDrops, Shares, TrialMeasure, measure
from orchestrator.collector.records import FailedTrial, Run, Trial, read_run, read_trial
from orchestrator.collector.report import Report, report
from orchestrator.collector.row import Row
from orchestrator.collector.statistics import Estimate, estimate, speedup
from orchestrator.collector.summary import Summary, summarise
from orchestrator.collector.sweep_report import SweepReport, report_sweep
from orchestrator.collector.table import SummaryTable
from orchestrator.collector.verdict import Level, Verdict, judge_run, judge_trial, worst

__all__ = [
    "Estimate",
    "FailedTrial",
    "Level",
    "PortDrops",
    "RUN_FORMAT",
    "Report",
    "Row",
    "Run",
    "Shares",
    "Summary",
    "SummaryTable",
    "SweepReport",
    "Trial",
    "TrialMeasure",
    "Verdict",
    "check_run_directory",
    "estimate",
    "is_sweep",
    "judge_run",
    "judge_trial",
    "measure",
    "read_run",
    "read_trial",
    "report",
    "report_sweep",
    "speedup",
    "summarise",
    "worst",
]
