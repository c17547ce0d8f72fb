from components.package_dataset.config import PackageDatasetConfig
from components.package_dataset.step import VIEWS, run
from components.shared.command.step_command import run_step

if __name__ == "__main__":
    run_step(PackageDatasetConfig, run, views=VIEWS)
