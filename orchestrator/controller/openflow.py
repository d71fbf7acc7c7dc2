"""OpenFlow 1.3 by Ryu. No other module imports the library, so that a fork can take its place.

Everything here runs on eventlet's green threads: a call of `RyuConnection` suspends its own green
thread until the switch's answer has come in on another.
"""

from __future__ import annotations

import json
import logging
import socket
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from orchestrator.controller.app import Application, SwitchError
from orchestrator.controller.rule import Rule

with warnings.catch_warnings():
    # eventlet says at every import that it is deprecated, and its users know.
    warnings.simplefilter("ignore")
    import eventlet
    import eventlet.wsgi

    # Ryu 4.34 imports this name, and eventlet 0.30.3 and later do not have it. Nothing uses it.
    if not hasattr(eventlet.wsgi, "ALREADY_HANDLED"):
        eventlet.wsgi.ALREADY_HANDLED = b""
    from eventlet.event import Event
    from ryu import cfg
    from ryu.base.app_manager import AppManager, RyuApp
    from ryu.controller import ofp_event
    from ryu.controller.handler import DEAD_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
    from ryu.lib import hub
    from ryu.ofproto import ofproto_v1_3

ANSWER_SECONDS = 5.0
_IPV4 = 0x0800
_TCP = 6


class RyuConnection:
    """One switch that is connected; see `app.Connection`."""

    def __init__(self, datapath: Any) -> None:
        self._datapath = datapath
        self._parser = datapath.ofproto_parser
        self._protocol = datapath.ofproto
        self._waiting: dict[int, Event] = {}
        self._parts: dict[int, list[Any]] = {}
        self._errors: list[str] = []

    def change(self, add: Sequence[Rule], modify: Sequence[Rule], remove: Sequence[Rule]) -> None:
        """Change rules and wait until the switch has applied all of it.

        Adding and modifying replace the actions of a rule in one step: no packet meets no rule.

        Raises:
            SwitchError: it refused a rule or did not answer.
        """
        commands = (
            (self._protocol.OFPFC_ADD, add),
            (self._protocol.OFPFC_MODIFY_STRICT, modify),
            (self._protocol.OFPFC_DELETE_STRICT, remove),
        )
        self._errors.clear()
        for command, rules in commands:
            for rule in rules:
                self._datapath.send_msg(self._flow_mod(command, rule))
        self._exchange(self._parser.OFPBarrierRequest(self._datapath))
        if self._errors:
            raise SwitchError("; ".join(self._errors))

    def flows(self) -> list[dict[str, Any]]:
        """All rules of the switch with their counters."""
        parts = self._exchange(self._parser.OFPFlowStatsRequest(self._datapath))
        return [self._flow(entry) for entry in parts]

    def ports(self) -> list[dict[str, Any]]:
        """The counters of all ports."""
        request = self._parser.OFPPortStatsRequest(self._datapath, 0, self._protocol.OFPP_ANY)
        return [
            {
                "number": entry.port_no,
                "rx_packets": entry.rx_packets,
                "rx_bytes": entry.rx_bytes,
                "rx_dropped": entry.rx_dropped,
                "tx_packets": entry.tx_packets,
                "tx_bytes": entry.tx_bytes,
                "tx_dropped": entry.tx_dropped,
            }
            for entry in self._exchange(request)
        ]

    def take(self, message: Any) -> None:
        """An answer has come in."""
        self._parts.setdefault(message.xid, []).extend(getattr(message, "body", []))
        more = getattr(message, "flags", 0) & self._protocol.OFPMPF_REPLY_MORE
        if not more and message.xid in self._waiting:
            self._waiting.pop(message.xid).send(self._parts.pop(message.xid))

    def take_error(self, message: Any) -> None:
        """The switch has refused something."""
        self._errors.append(f"refused with type {message.type}, code {message.code}")

    def _exchange(self, request: Any) -> list[Any]:
        xid = self._datapath.set_xid(request)
        event = self._waiting[xid] = Event()
        self._datapath.send_msg(request)
        answer = event.wait(timeout=ANSWER_SECONDS)
        if answer is None:
            self._waiting.pop(xid, None)
            raise SwitchError(f"no answer in {ANSWER_SECONDS:.0f} s")
        return list(answer)

    def _flow_mod(self, command: int, rule: Rule) -> Any:
        parser, protocol = self._parser, self._protocol
        match = {}
        if rule.src is not None:
            match = {"eth_type": _IPV4, "ipv4_src": rule.src, "ipv4_dst": rule.dst}
        if rule.tcp_src is not None or rule.tcp_dst is not None:
            ports = {"tcp_src": rule.tcp_src, "tcp_dst": rule.tcp_dst}
            match["ip_proto"] = _TCP
            match |= {name: port for name, port in ports.items() if port is not None}
        actions = []
        if rule.dscp is not None:
            actions.append(parser.OFPActionSetField(ip_dscp=rule.dscp))
        if rule.output is not None:
            actions.append(parser.OFPActionOutput(rule.output))
        apply = parser.OFPInstructionActions(protocol.OFPIT_APPLY_ACTIONS, actions)
        return parser.OFPFlowMod(
            datapath=self._datapath,
            command=command,
            priority=rule.priority,
            match=parser.OFPMatch(**match),
            instructions=[apply] if actions else [],
            out_port=protocol.OFPP_ANY,
            out_group=protocol.OFPG_ANY,
        )

    def _flow(self, entry: Any) -> dict[str, Any]:
        dscp: int | None = None
        output: int | None = None
        for instruction in entry.instructions:
            for action in getattr(instruction, "actions", []):
                if isinstance(action, self._parser.OFPActionOutput):
                    output = action.port
                elif isinstance(action, self._parser.OFPActionSetField):
                    dscp = action.value if action.key == "ip_dscp" else dscp
        return {
            "priority": entry.priority,
            "src": entry.match.get("ipv4_src"),
            "dst": entry.match.get("ipv4_dst"),
            "dscp": dscp,
            "output": output,
            "tcp_src": entry.match.get("tcp_src"),
            "tcp_dst": entry.match.get("tcp_dst"),
            "packets": entry.packet_count,
            "bytes": entry.byte_count,
        }


class OpenFlow(RyuApp):  # type: ignore[misc]  # Ryu has no types
    """Hands Ryu's events on to the application."""

    OFP_VERSIONS = [ofproto_v1_3.OFP_VERSION]  # noqa: RUF012 - Ryu's own name and type

    def __init__(self, *args: Any, application: Application, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._application = application
        self._connections: dict[Any, RyuConnection] = {}

    @set_ev_cls(ofp_event.EventOFPStateChange, [MAIN_DISPATCHER, DEAD_DISPATCHER])  # type: ignore[untyped-decorator]
    def _state(self, event: Any) -> None:
        datapath = event.datapath
        if event.state == MAIN_DISPATCHER:
            connection = self._connections[datapath] = RyuConnection(datapath)
            # On a separate green thread: the switch's answers come in on this one.
            hub.spawn(self._application.connected, datapath.id, connection)
        elif datapath in self._connections:
            self._application.lost(datapath.id, self._connections.pop(datapath))

    @set_ev_cls(
        [
            ofp_event.EventOFPBarrierReply,
            ofp_event.EventOFPFlowStatsReply,
            ofp_event.EventOFPPortStatsReply,
        ],
        MAIN_DISPATCHER,
    )  # type: ignore[untyped-decorator]
    def _reply(self, event: Any) -> None:
        if event.msg.datapath in self._connections:
            self._connections[event.msg.datapath].take(event.msg)

    @set_ev_cls(ofp_event.EventOFPErrorMsg, MAIN_DISPATCHER)  # type: ignore[untyped-decorator]
    def _error(self, event: Any) -> None:
        if event.msg.datapath in self._connections:
            self._connections[event.msg.datapath].take_error(event.msg)


def _serve(server: Any, answer: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
    """Answer requests, one JSON object per line each way, one green thread per client."""

    def talk(client: Any) -> None:
        with suppress(OSError), client, client.makefile("rw") as stream:
            for line in stream:
                stream.write(json.dumps(answer(json.loads(line))) + "\n")
                stream.flush()

    while True:
        client, _ = server.accept()
        hub.spawn(talk, client)


def serve(application: Application, *, host: str, port: int, requests: str) -> None:
    """Listen to switches on a TCP port and to requests on a Unix socket; does not return."""
    logging.basicConfig(level=logging.WARNING)
    cfg.CONF(
        args=["--ofp-listen-host", host, "--ofp-tcp-listen-port", str(port)],
        project="dmlbed",
        default_config_files=[],
        default_config_dirs=[],
    )
    manager = AppManager.get_instance()
    manager.load_apps([__name__])
    services = manager.instantiate_apps(application=application)
    server = eventlet.listen(requests, family=socket.AF_UNIX)
    hub.joinall([*services, hub.spawn(_serve, server, application.answer)])
