"""Settings come from flags, then the environment, then defaults; every wrong one is named at once."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from labgloss.errors import SettingsError
from labgloss.server.settings import Settings, read_settings


def faults_of(environment: dict[str, str], flags: dict[str, object]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as raised:
        read_settings(environment, flags)
    return raised.value.faults


def test_without_settings_the_defaults_hold() -> None:
    assert Settings() == read_settings({"PATH": "/bin", "LABGLOSSY": "no"}, {"port": None})
    assert ("127.0.0.1:50051", 8, 65_536, 1_048_576, 4_194_304, 71) == (
        Settings().address,
        Settings().threads,
        Settings().unary_bytes,
        Settings().batch_bytes,
        Settings().core_bytes,
        Settings().drain,
    )


def test_a_flag_outweighs_the_environment_and_the_environment_the_default() -> None:
    settings = read_settings({"LABGLOSS_PORT": "0", "LABGLOSS_THREADS": "4"}, {"port": "1234", "threads": None})
    assert (1234, 4) == (settings.port, settings.threads)


def test_every_wrong_setting_is_named_with_what_is_allowed() -> None:
    environment = {"LABGLOSS_PORT": "99999", "LABGLOSS_HOST": "a b", "LABGLOSS_PROT": "1"}
    flags: dict[str, object] = {
        "threads": "many",
        "log_level": "loud",
        "reflection": "perhaps",
        "drain_seconds": "nan",
        "batch_bytes": "2000",
    }
    variables = {f"LABGLOSS_{setting.name.upper()}" for setting in fields(Settings)}
    assert (
        f"LABGLOSS_PROT: is not a setting; the settings are {', '.join(sorted(variables))}",
        'LABGLOSS_HOST: needs an address or name of this machine, such as "127.0.0.1", "0.0.0.0" or "::"',
        "LABGLOSS_PORT: needs a whole number from 0 (any free port) to 65535",
        "--log-level: needs debug, info, warning or error",
        "--threads: needs a whole number of threads from 2 to 64",
        "--reflection: needs true or false; left out, it is on only on loopback",
        "--drain-seconds: needs a number of seconds from 0 to 86400; left out, what connections need to move by "
        "their age",
        "--batch-bytes: needs a number of bytes from unary_bytes to core_bytes",
    ) == faults_of(environment, flags)


def test_an_empty_one_is_refused_alike_whatever_it_is() -> None:
    """Of access and tls_client_ca what was left out would let everybody in."""
    names = [setting.name for setting in fields(Settings)]
    for environment, flags in (
        ({f"LABGLOSS_{name.upper()}": "" for name in names}, {}),
        ({}, dict.fromkeys(names, "")),
    ):
        faults = faults_of(environment, flags)
        assert len(names) == len(faults)
        assert [] == [fault for fault in faults if ": is empty; needs " not in fault]
    assert ("LABGLOSS_OVERLAY: is empty; needs a site overlay file; left out, there is none",) == faults_of(
        {"LABGLOSS_OVERLAY": ""}, {}
    )


def test_contradictions_are_named_beside_what_is_wrong_but_for_those_of_what_is_wrong() -> None:
    flags: dict[str, object] = {"port": "-1", "audit_key": "k", "host": "0.0.0.0", "plaintext": "perhaps"}
    said = faults_of({}, flags)
    assert ["--port", "--plaintext", "audit_key"] == [fault.partition(": ")[0] for fault in said]


def test_variables_that_kubernetes_sets_are_told_from_a_mistake() -> None:
    linked = {
        "LABGLOSS_PORT": "tcp://10.0.0.1:50051",
        "LABGLOSS_SERVICE_HOST": "10.0.0.1",
        "LABGLOSS_PORT_50051_TCP": "x",
    }
    mend = "; Kubernetes sets it for a Service named labgloss: give the pod enableServiceLinks: false"
    faults = faults_of(linked, {})
    assert [True] * 3 == [fault.endswith(mend) for fault in faults]
    assert f"LABGLOSS_PORT: needs a whole number from 0 (any free port) to 65535{mend}" in faults
    assert not any(fault.endswith(mend) for fault in faults_of({"LABGLOSS_PORT": "x", "LABGLOSS_PROT": "1"}, {}))


def test_an_unknown_variable_alone_is_a_fault_too() -> None:
    assert len(faults_of({"LABGLOSS_VERBOSE": "1"}, {})) == 1


def test_an_unknown_flag_is_a_fault() -> None:
    assert faults_of({}, {"verbose": "1"})[0].startswith("--verbose: is not a setting; the settings are ")


def test_limits_may_not_shrink_from_method_to_core() -> None:
    assert ("--core-bytes: needs a number of bytes from batch_bytes to 67108864",) == faults_of(
        {}, {"core_bytes": "1000000"}
    )


def test_a_fault_does_not_repeat_the_value() -> None:
    assert "canary" not in str(faults_of({"LABGLOSS_PORT": "canary"}, {"host": "can ary", "threads": "canary"}))


@pytest.mark.parametrize(
    ("host", "reflection", "served"),
    [
        ("127.0.0.1", None, True),
        ("127.8.9.1", None, True),
        ("::1", None, True),
        ("localhost", None, True),
        ("0.0.0.0", None, False),
        ("::", None, False),
        ("laboratory.example", None, False),
        ("0.0.0.0", True, True),
        ("127.0.0.1", False, False),
    ],
)
def test_reflection_is_on_by_default_only_on_loopback(host: str, reflection: bool | None, served: bool) -> None:
    assert served is Settings(host=host, reflection=reflection).serves_reflection


def test_an_ipv6_address_is_written_in_brackets() -> None:
    assert "[::1]:5" == Settings(host="::1", port=5).address


def test_streams_and_batches_take_at_most_half_of_the_threads() -> None:
    assert (1, 1, 4) == (Settings(threads=2).stream_slots, Settings(threads=3).stream_slots, Settings().stream_slots)


def test_a_server_drains_for_longer_than_any_connection_lives() -> None:
    """A tenth older than asked, by the jitter of gRPC's core; then the last call on it may end."""
    assert (71, 6, 3) == (
        Settings().drain,
        Settings(connection_age_seconds=0.9).drain,
        Settings(drain_seconds=3).drain,
    )


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]


def test_a_key_of_records_needs_records() -> None:
    assert ("audit_key: needs audit, the folder for the records whose digests it keys",) == faults_of(
        {}, {"audit_key": "key"}
    )
    assert "folder" == read_settings({}, {"audit_key": "key", "audit": "folder"}).audit


def test_what_evidence_takes_is_said() -> None:
    flags = {"audit_bytes": "1", "metrics_port": "x", "audit_required": "maybe", "tracing": "maybe"}
    assert [
        "--audit-bytes: needs a number of bytes a file of records, 4096 to 1073741824",
        "--audit-required: needs true or false: whether a call is refused when its decision record cannot be written",
        "--metrics-port: needs a whole number from 0 (any free port) to 65535; left out, there is no page",
        "--tracing: needs true or false: whether spans are sent as the OTEL_ variables say",
    ] == sorted(faults_of({}, flags))


@pytest.mark.parametrize(
    ("flags", "fault"),
    [
        (
            {"audit": "-", "workers": "2"},
            "audit: - is for one worker, several would mix their lines; give a folder for ",
        ),
        (
            {"metrics_port": "65535", "workers": "2"},
            "metrics_port: 2 workers need the ports up to 65536; choose a lower ",
        ),
        ({"metrics_port": "9464", "port": "9464"}, "metrics_port: its pages, 9464 to 9464, take port, 9464; choose "),
        (
            {"metrics_port": "9464", "health_port": "9465", "workers": "2"},
            "metrics_port: its pages, 9464 to 9465, take health_port, 9465; choose another",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_workers_cannot_share_is_said(flags: dict[str, object], fault: str) -> None:
    (said,) = faults_of({}, flags)
    assert said.startswith(fault)
