"""``python -m gateway.plant``."""

from gateway.plant.cli import plant_app

if __name__ == "__main__":
    plant_app(prog_name="nonagon plant")
