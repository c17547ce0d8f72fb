from components.measure_fail_rate.config import MeasureFailRateConfig
from components.measure_fail_rate.step import VIEWS, run
from components.shared.command.step_command import run_step

if __name__ == "__main__":
    run_step(MeasureFailRateConfig, run, views=VIEWS)
