"""The classes that schedules and jobs name, and where each one is; nothing is imported by it."""

from __future__ import annotations

from collections.abc import Mapping

IDENTITY = "identity"

PARAMETER_SERVER = "parameter-server"
RING = "ring"
SPLIT = "split"
HYBRID = "hybrid"

CODECS: Mapping[str, str] = {
    IDENTITY: "workloads.codecs.identity:Identity",
    "float16": "workloads.codecs.halves:Float16",
    "bfloat16": "workloads.codecs.halves:BFloat16",
    "fixed-point": "workloads.codecs.fixed_point:FixedPoint",
    "top-k": "workloads.codecs.top_k:TopK",
    "codebook": "workloads.codecs.codebook:Codebook",
    "sign": "workloads.codecs.sign:Sign",
    "low-rank": "workloads.codecs.low_rank:LowRank",
}
"""By the name before its parameter (`workloads.schedule.codec_names`)."""

EXCHANGES: Mapping[str, str] = {
    PARAMETER_SERVER: "workloads.exchange.parameter_server:ParameterServerExchange",
    RING: "workloads.exchange.ring:RingExchange",
    SPLIT: "workloads.exchange.split:SplitExchange",
    HYBRID: "workloads.exchange.hybrid:HybridExchange",
}

PROGRAMS: Mapping[str, str] = {
    "server": "workloads.programs.server:ServerProgram",
    "worker": "workloads.programs.worker:WorkerProgram",
    "traffic-server": "workloads.programs.calibration:TrafficServer",
    "traffic-worker": "workloads.programs.calibration:TrafficWorker",
    "generator": "workloads.programs.generator:Generator",
    "sink": "workloads.programs.sink:Sink",
    "urgent-server": "workloads.programs.urgent:UrgentServer",
    "urgent-worker": "workloads.programs.urgent:UrgentWorker",
}

TORCH_PROFILE = "workloads.torch_models.profile"
TORCH_COMPUTE = "workloads.torch_models.compute"
"""By name, for it needs PyTorch, and all else does not."""
