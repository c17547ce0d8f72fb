"""What a run will do and take, before it starts: states of its steps and why, rows, tokens, GPU-hours, money, time.

``course`` says which step reads which, ``measured`` what work in the workspace took, ``stated`` what the preset says to
expect. From these follow ``expected_rows`` and ``expected_costs``. Every figure names its source; what none gives is
not known. ``run_plans`` puts a plan together, ``table`` prints it. A pilot (``pilot_run``) measures; ``pilot_forecast``
says what of it follows for the whole run.
"""
