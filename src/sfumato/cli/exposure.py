"""`sfumato exposure`: what ISO, aperture and shutter amount to."""

from __future__ import annotations

import click

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato exposure --iso 6400
  sfumato exposure --iso 800 --f-number 2.8 --shutter 1/60
  sfumato exposure --iso 12800 --base-iso 64 --json
"""


class Shutter(click.ParamType[float]):
    """Seconds, as a number or as a fraction."""

    name = "seconds"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        over, _, under = str(value).removesuffix("s").strip().partition("/")
        try:
            return float(over) / float(under or 1)
        except (ValueError, ZeroDivisionError):
            self.fail(f"{value!r} is no time: write 0.5 or 1/60", param, ctx)


@click.command("exposure", epilog=EPILOG)
@click.option("--iso", type=float, required=True, help="Sensitivity.")
@click.option(
    "--base-iso",
    type=float,
    default=100.0,
    show_default=True,
    help="Sensitivity of the sensor without gain.",
)
@click.option("--f-number", type=float, help="Aperture; with --shutter gives exposure values.")
@click.option("--shutter", type=Shutter(), metavar="SECONDS", help="Time: 0.5 or 1/60.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def command(
    *, iso: float, base_iso: float, f_number: float | None, shutter: float | None, as_json: bool
) -> None:
    """Tell gain, decibel and exposure value of an ISO.

    Gain is nominal: how much of it is made by the amplifier, the sensor alone knows.
    """
    import json

    from sfumato.capture.exposure_units import Exposure, gain_from_iso, gain_to_db, gain_to_stops
    from sfumato.errors import SpecError

    if (f_number is None) != (shutter is None):
        raise SpecError("--f-number and --shutter go together: give both or neither")
    gain = float(gain_from_iso(iso, base_iso=base_iso))
    told = {
        "iso": iso,
        "base_iso": base_iso,
        "gain": gain,
        "stops": float(gain_to_stops(gain)),
        "gain_db": float(gain_to_db(gain)),
        "gain_db_at_6_a_stop": float(gain_to_db(gain, rule="six_db_a_stop")),
    }
    lines = [
        f"ISO {iso:g}: gain {gain:g}x, {told['gain_db']:.2f} dB, {told['stops']:+.2f} stops "
        f"over ISO {base_iso:g} ({told['gain_db_at_6_a_stop']:.2f} dB at 6 dB a stop)"
    ]
    if f_number is not None and shutter is not None:
        exposure = Exposure(f_number=f_number, exposure_time_s=shutter, iso=iso)
        told |= {"ev": exposure.ev, "ev_at_iso_100": exposure.ev_at_iso_100}
        lines.append(f"exposure value {exposure.ev:.2f}, at ISO 100 {exposure.ev_at_iso_100:.2f}")
    click.echo(json.dumps(told, indent=2) if as_json else "\n".join(lines))
