"""The service in a container without rights: it answers from outside, stops on any fault before it serves, drains."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import grpc
import pytest

from labgloss.cli.health import serving_status
from labgloss.cli.proved import keep, place, proved
from labgloss.knowledge.loader import DATA, load
from labgloss_client import Client, panel, patient, result
from tests.containers.service import HEALTH_PORT, Service, readable, service, started
from tests.external_tools import needs
from tests.server.wire import INTERPRET, unary

needs("docker engine", to="run the image in real containers")

PANEL = panel(result("magnesium", "0.41", "mmol/L"), patient=patient(age_years=67, sex="female"))
OVERLAY = Path(__file__).parents[2] / "deploy" / "overlay.example.toml"


@pytest.fixture(scope="module")
def running(image: str) -> Iterator[Service]:
    """A service that all tests of this module may ask, and none may stop."""
    with service(image) as serving:
        yield serving


def test_it_answers_from_outside_without_having_proved_anything(running: Service) -> None:
    with Client(running.target, timeout_s=10) as client:
        assert client.healthy()
        (magnesium,) = client.interpret(PANEL).results
        assert magnesium.flag == "L"
    assert "proving" not in running.events


def test_it_runs_as_65532_and_has_no_right_and_no_place_to_write(running: Service) -> None:
    program = """
import os, pathlib
lines = pathlib.Path("/proc/1/status").read_text().splitlines()
status = dict(line.split(":\\t", 1) for line in lines)
print(status["Uid"].split(), status["CapEff"], status["CapBnd"], status["NoNewPrivs"])
for folder in ("/", "/opt/labgloss/lib", "/etc", "/var"):
    try:
        pathlib.Path(folder, "written").write_text("")
        print("wrote into", folder)
    except OSError:
        pass
"""
    said = running.container.exec(["python3", "-c", program]).output.decode()
    assert said == f"{['65532'] * 4} {'0' * 16} {'0' * 16} 1\n"


def test_the_probe_of_the_image_says_whether_it_serves(
    engine: docker.DockerClient, image: str, running: Service
) -> None:
    _, *checked = engine.images.get(image).attrs["Config"]["Healthcheck"]["Test"]
    probe = [*checked, "--timeout", "30"]
    assert running.container.exec(probe) == (0, b"127.0.0.1:50052: SERVING\n")
    nothing_there = [*probe, "--target", "127.0.0.1:1"]
    assert running.container.exec(nothing_there) == (1, b"labgloss: 127.0.0.1:1: no answer (UNAVAILABLE)\n")


def test_a_site_overlay_is_laid_over_it_and_its_verdict_spares_the_proof(image: str, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    shutil.copy(OVERLAY, site / "site.toml")
    overlaid = load(overlay=site / "site.toml").reference
    keep(place(DATA, site / "site.toml"), proved(overlaid, ""))
    settings = {"LABGLOSS_OVERLAY": "/etc/labgloss/site.toml"}
    with service(image, settings=settings, files={"/etc/labgloss": readable(site)}) as running:
        (serving,) = (line for line in running.log if line["event"] == "serving")
        assert (serving["overlay"], serving["overlay_digest"]) == ("example-hospital", overlaid.overlay_digest)
        assert "proving" not in running.events


def fault(image: str, **options: object) -> str:
    """What a service says that stops with exit code 2, without a traceback."""
    with started(image, **options) as stopped:  # type: ignore[arg-type]
        assert stopped.ended() == 2
        out, err = stopped.container.get_logs()
        assert out == b""
        assert b"Traceback" not in err
        return err.decode()


def test_bad_knowledge_stops_it(image: str, tmp_path: Path) -> None:
    knowledge = tmp_path / "knowledge"
    shutil.copytree(DATA, knowledge)
    magnesium = knowledge / "analytes" / "magnesium.toml"
    magnesium.write_text(magnesium.read_text().replace("molar_mass", "molar_weight", 1))
    said = fault(image, settings={"LABGLOSS_KNOWLEDGE": "/etc/labgloss"}, files={"/etc/labgloss": readable(knowledge)})
    assert said.startswith("labgloss: the knowledge is faulty:\n  analytes/magnesium.toml: ")
    assert "molar_weight: Extra inputs are not permitted" in said


def test_a_bad_overlay_stops_it(image: str, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    text = OVERLAY.read_text()
    (site / "site.toml").write_text(text.replace('value = "ros_2018"', 'value = "ros_2108"', 1))
    said = fault(
        image,
        settings={"LABGLOSS_OVERLAY": "/etc/labgloss/site.toml"},
        files={"/etc/labgloss": readable(site)},
    )
    assert said.startswith("labgloss: the knowledge is faulty:\n")
    assert "ros_2108" in said


def test_wrong_settings_stop_it_one_line_each(image: str) -> None:
    said = fault(image, settings={"LABGLOSS_PORT": "http", "LABGLOSS_THREAD": "8"})
    assert said.startswith("labgloss: cannot start so:\n")
    assert [line.split(":")[0].strip() for line in said.splitlines()[1:]] == ["LABGLOSS_THREAD", "LABGLOSS_PORT"]


def test_sigterm_drains_it(image: str) -> None:
    """Health says so at once, what still comes is answered, and it ends with 0."""
    with (
        service(image, settings={"LABGLOSS_DRAIN_SECONDS": "5"}) as running,
        # Not by our client, which leaves a service that says that it stops.
        grpc.insecure_channel(running.target) as channel,
    ):
        interpret = channel.unary_unary(INTERPRET)
        interpret(unary(), timeout=10)
        asked = time.monotonic()
        running.signal("SIGTERM")
        while serving_status(running.target, "", 2.0) == "SERVING":
            assert time.monotonic() - asked < 4
        interpret(unary(), timeout=10)
        assert running.ended() == 0
        assert 5 <= time.monotonic() - asked < 30
        assert running.events == ["metrics", "serving", "call", "draining", "call", "stopped"]


def test_docker_stop_ends_it_while_it_still_proves(image: str, tmp_path: Path) -> None:
    """As the first process of a container it gets no signal that it does not handle."""
    site = tmp_path / "site"
    site.mkdir()
    shutil.copy(OVERLAY, site / "site.toml")
    settings = {"LABGLOSS_OVERLAY": "/etc/labgloss/site.toml"}
    with started(image, settings=settings, files={"/etc/labgloss": readable(site)}) as proving:
        while not proving.log:
            time.sleep(0.1)
        assert proving.events == ["proving"]
        asked = time.monotonic()
        proving.signal("SIGTERM")
        assert proving.ended() == 143
        assert time.monotonic() - asked < 15


def test_it_serves_within_its_memory(running: Service) -> None:
    stats = running.container.get_wrapped_container().stats(stream=False)["memory_stats"]
    assert stats["usage"] < 0.75 * stats["limit"]
    assert stats["limit"] == 384 * 2**20


def test_its_health_is_seen_from_outside(running: Service) -> None:
    assert serving_status(f"127.0.0.1:{running.port(HEALTH_PORT)}", "", 2.0) == "SERVING"
