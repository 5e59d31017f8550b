"""``python -m gateway.plant``."""

from gateway.importing import import_for_good


def main() -> None:
    import_for_good("gateway.plant.cli").plant_app(prog_name="nonagon plant")


if __name__ == "__main__":
    main()
