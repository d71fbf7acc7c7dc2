"""Records of trials -> measures, statistics, verdicts, CSV, terminal table and figure.

read_run      a run directory, read and checked
measure       one training's records -> its measures; measure_any: of a program's, too
judge_trial   measures -> may the figure be used?
summarise     a run -> rows (one per combination of choices)
report        all of it: writes the summary files, returns rows and table
is_sweep, report_sweep    the same of a sweep: its points together, beside predicted curves
spans, trace (modules)                what layers and slices took -> a trace
render (folder)                       the figures; imported only where something is drawn
"""

from orchestrator.analysis.measures.machine.conditions import PortDrops
from orchestrator.analysis.measures.measure import TrialMeasure, measure
from orchestrator.analysis.measures.programs.measure import measure_any
from orchestrator.analysis.measures.shares import Shares
from orchestrator.analysis.measures.statistics import Estimate, estimate, speedup
from orchestrator.analysis.reading.directories import RUN_FORMAT, check_run_directory, is_sweep
from orchestrator.analysis.reading.records import FailedTrial, Run, Trial, read_run, read_trial
from orchestrator.analysis.report import Report, report
from orchestrator.analysis.sweep_report import SweepReport, report_sweep
from orchestrator.analysis.tables.row import Row
from orchestrator.analysis.tables.summary import Summary, summarise
from orchestrator.analysis.tables.table import SummaryTable
from orchestrator.analysis.verdict import Level, Verdict, judge_run, judge_trial, worst

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
    "measure_any",
    "read_run",
    "read_trial",
    "report",
    "report_sweep",
    "speedup",
    "summarise",
    "worst",
]
