"""The command `scalequest`: run a preset here or on a cluster, compile the pipelines, inspect and clean workspaces.

Heavy packages (kfp, pyarrow, rich) are imported only by the commands that need them, so that `--help` is quick.
"""

from __future__ import annotations

import functools
import logging
import sys
from typing import Annotated

import typer

from components.shared.log_lines import start_logging
from pipelines.cluster.options import Cluster, Host, Namespace, takes_cluster
from pipelines.planning.limits import GPU_HOURS
from pipelines.secret_names import STORE_SECRET
from pipelines.standard_streams import make_usable

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # boxes around the help would take 0.3 s to load
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # 20 ms

        typer.echo(f"scalequest {version('scalequest')}")
        raise typer.Exit


def _presets_that_begin(incomplete: str) -> list[str]:
    from pipelines.preset_files import preset_names

    return [name for name in preset_names() if name.startswith(incomplete)]


def _steps_that_begin(incomplete: str) -> list[str]:
    from components.steps import step_names

    return [name for name in step_names() if name.startswith(incomplete)]


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="print the version and end", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Make a dataset of mathematical questions with worked solutions, with the ScaleQuest method."""


AsJson = Annotated[bool, typer.Option("--json", help="print one JSON document")]
AsJsonLines = Annotated[bool, typer.Option("--json", help="print one JSON object per line")]
Preset = Annotated[
    str,
    typer.Argument(
        help="a preset's name, or the path of a preset's file of your own (.yaml)", autocompletion=_presets_that_begin
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="set a parameter, or an option of a step (deduplicate.min_similarity=0.9); repeatable",
    ),
]
Column = Annotated[
    str,
    typer.Option("--pipeline", help="run only a part of the method: train_question_generator or construct_dataset"),
]
Bucket = Annotated[str, typer.Option(help="the workspace: gs://… or s3://…")]
Watch = Annotated[bool, typer.Option("--watch", help="wait until the run has ended; the exit code reports its result")]
AllowParallelTrainings = Annotated[
    bool,
    typer.Option(
        "--allow-parallel-trainings",
        help="allow several multi-node trainings at once without Kueue; only if the cluster has nodes for all of them",
    ),
]
CheckedPreset = Annotated[
    str,
    typer.Argument(
        help="a preset whose run is to be checked: its models, files, endpoints and keys",
        show_default=False,
        autocompletion=_presets_that_begin,
    ),
]
Deep = Annotated[
    bool,
    typer.Option("--deep", help="also check the store from a pod with the run's account; takes up to a minute"),
]
Model = Annotated[
    str,
    typer.Argument(
        help="a model folder, a dataset or its workspace, a directory, hf://org/name@revision, openai:NAME, or a "
        "published model, such as scalequest-qwen2-math-qgen (docs/command.md lists them)"
    ),
]
Price = Annotated[
    float | None,
    typer.Option(
        "--price-per-gpu-hour", help="US dollars for one GPU for one hour [the profile's]", min=0, show_default=False
    ),
]
Profile = Annotated[
    str,
    typer.Option(
        help="hardware: a file in pipelines/profiles, without .yaml; or a .yaml file of one's own [this machine]"
    ),
]
Pilot = Annotated[
    int | None,
    typer.Option(
        metavar="QUESTIONS",
        help="only take the first so many questions through every stage, and say what the whole run will make and "
        "take; it reuses their rows",
        min=1,
        show_default=False,
    ),
]
AskAbove = Annotated[
    float, typer.Option(metavar="GPU-HOURS", help="ask before a run that may take more GPU-hours", min=0)
]
Workspace = Annotated[
    str | None, typer.Option(help="the workspace: gs://…, s3://… or a directory [runs/PRESET]", show_default=False)
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="do not ask, whatever the run takes")]
Question = Annotated[
    str | None, typer.Option(help="the question to answer; - reads it from standard input", show_default=False)
]


def _with_price(settings: list[str] | None, price_per_gpu_hour: float | None) -> list[str]:
    price = [] if price_per_gpu_hour is None else [f"price_per_gpu_hour={price_per_gpu_hour}"]
    return [*(settings or []), *price]


@app.command()
def plan(
    preset: Preset,
    workspace: Workspace = None,
    settings: Settings = None,
    pipeline: Column = "",
    profile: Profile = "",
    pilot: Annotated[
        int | None,
        typer.Option(
            metavar="QUESTIONS",
            help="plan the pilot that run or submit makes with this number; once it has ended, say what the whole run "
            "will make and take",
            min=1,
            show_default=False,
        ),
    ] = None,
    price_per_gpu_hour: Price = None,
    as_json: AsJson = False,
) -> None:
    """Show what a run would do and take; nothing starts, and nothing is written.

    Each step with its state and why, rows, tokens, GPU-hours, money, storage and time, and the source of each figure.
    What the run would use (models, files, endpoints, keys) is looked for; the parameter that is wrong is named.
    """
    from pipelines.planning.plan_command import PlanAsked
    from pipelines.planning.plan_command import plan as plan_run
    from pipelines.preset_files import default_workspace

    asked = PlanAsked(
        preset=preset,
        settings=_with_price(settings, price_per_gpu_hour),
        workspace=default_workspace(preset) if workspace is None else workspace,
        pipeline=pipeline,
        profile=profile,
        pilot=pilot or 0,
    )
    sys.exit(plan_run(asked, as_json=as_json))


@app.command()
def run(
    preset: Preset,
    workspace: Workspace = None,
    settings: Settings = None,
    pipeline: Column = "",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="print nothing but the address of the result")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="also print what the steps log")] = False,
    pilot: Pilot = None,
    price_per_gpu_hour: Price = None,
    ask_above: AskAbove = GPU_HOURS,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Run a preset on this machine.

    Runs the compiled pipeline and reuses finished work. The steps' logs are kept in the workspace.
    """
    from pipelines.planning.confirming import Spending
    from pipelines.preset_files import default_workspace
    from pipelines.run_command import Asked, run_preset

    if quiet and verbose:
        raise typer.BadParameter("-q and -v contradict each other; give one of them")
    asked = Asked(
        preset=preset,
        settings=_with_price(settings, price_per_gpu_hour),
        workspace=default_workspace(preset) if workspace is None else workspace,
        pipeline=pipeline,
        loudness="quiet" if quiet else "verbose" if verbose else "normal",
        pilot=pilot or 0,
        spending=Spending(ask_above=ask_above, yes=yes),
        as_json=as_json,
    )
    sys.exit(run_preset(asked))


@app.command()
def ask(
    model: Model,
    question: Question = None,
    number: Annotated[int, typer.Option("-n", help="number of questions, or of answers", min=1)] = 1,
    temperature: Annotated[
        float | None, typer.Option(help="sampling temperature; 0: greedy [as in its run, or 1.0, answers 0.7]")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(help="new tokens of each [as in its run, or 512, answers 2048]")
    ] = None,
    engine: Annotated[str, typer.Option(help="vllm, openai or scripted [by the model]")] = "",
    endpoint: Annotated[str, typer.Option(help="base URL of an OpenAI-compatible server, for openai:NAME")] = "",
    chat_template: Annotated[str, typer.Option(help="own, or a chat family [as the model was trained]")] = "",
    seed: Annotated[int, typer.Option(help="another seed gives other replies", min=0)] = 0,
    as_json: AsJsonLines = False,
) -> None:
    """Let a model write a question, or answer one.

    Without --question, it writes from the bare user prefix, as question generators do. Nothing is written anywhere.
    """
    from pipelines.ask_command import Asked
    from pipelines.ask_command import ask as ask_model

    asked = Asked(
        model=model,
        question=question,
        number=number,
        temperature=temperature,
        max_tokens=max_tokens,
        engine=engine,
        endpoint=endpoint,
        chat_template=chat_template,
        seed=seed,
        as_json=as_json,
    )
    sys.exit(ask_model(asked))


@app.command()
@takes_cluster
def submit(
    preset: Preset,
    workspace: Bucket,
    cluster: Cluster,
    allow_parallel_trainings: AllowParallelTrainings = False,
    settings: Settings = None,
    pipeline: Column = "",
    pilot: Pilot = None,
    watch: Watch = False,
    price_per_gpu_hour: Price = None,
    ask_above: AskAbove = GPU_HOURS,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Start a run of a preset on a cluster, with Kubeflow Pipelines.

    The same command again, after whatever happened, goes on where the run stopped: finished work is found.
    """
    from pipelines.cluster.submission import Submission
    from pipelines.cluster.submit_command import submit as submit_preset
    from pipelines.planning.confirming import Spending

    submission = Submission(
        preset=preset,
        settings=_with_price(settings, price_per_gpu_hour),
        workspace=workspace,
        pipeline=pipeline,
        cluster=cluster,
        allow_parallel_trainings=allow_parallel_trainings,
        pilot=pilot or 0,
        spending=Spending(ask_above=ask_above, yes=yes),
        as_json=as_json,
    )
    sys.exit(submit_preset(submission, follow=watch))


@app.command()
def status(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="what submit printed")],
    namespace: Namespace,
    host: Host = "",
    watch: Watch = False,
    as_json: AsJson = False,
) -> None:
    """Show what a run on a cluster is at; end as it did, where it has ended.

    Its steps from Kubeflow, pods and Jobs, why they wait or failed; rows done, rate and time left from the workspace.
    """
    from pipelines.cluster.status_command import show_status

    if watch and as_json:
        raise typer.BadParameter("--json is one look; give it without --watch")
    sys.exit(show_status(run_id, host, namespace, follow=watch, as_json=as_json))


@app.command(name="list")
def list_(
    workspace: Annotated[str, typer.Argument(help="gs://…, s3://… or a directory")],
    as_json: AsJson = False,
) -> None:
    """List the runs and folders of a workspace.

    Each run that `scalequest run` made there, and how it ended; each folder with its date, its rows and its state.
    """
    from pipelines.list_command import list_workspace

    sys.exit(list_workspace(workspace, as_json=as_json))


@app.command()
def logs(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="a workspace (its newest run), one of its runs, or what submit printed")
    ],
    step: Annotated[
        str,
        typer.Argument(help="only the steps of this name", show_default=False, autocompletion=_steps_that_begin),
    ] = "",
    namespace: Annotated[str, typer.Option(help="of a run on a cluster: the namespace of its pods")] = "",
    host: Host = "",
    as_json: AsJsonLines = False,
) -> None:
    """Print what the steps of a run have logged.

    Of a run on this machine the logs are kept in its workspace; of one on a cluster they are those of its pods.
    """
    if namespace:
        from pipelines.cluster.pod_logs import show_pod_logs

        sys.exit(show_pod_logs(run, step, host, namespace, as_json=as_json))
    from pipelines.logs_command import show_logs

    sys.exit(show_logs(run, step, as_json=as_json))


@app.command()
def stop(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="what submit printed")],
    namespace: Namespace,
    host: Host = "",
    as_json: AsJson = False,
) -> None:
    """End a run on a cluster and its Jobs at once.

    Pods are told to stop: what is finished stays, and the same submit continues. With Kubeflow's Terminate alone, Jobs
    end ten minutes later.
    """
    from pipelines.cluster.stop_command import stop_run

    sys.exit(stop_run(run_id, host, namespace, as_json=as_json))


@app.command()
def scale(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="what submit printed")],
    step: Annotated[
        str, typer.Argument(help="a step that pods share; its folder (step/fingerprint) where several are at work")
    ],
    number: Annotated[int, typer.Argument(metavar="N", help="how many pods it is to have", min=1)],
    namespace: Namespace,
    host: Host = "",
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", help="how long Kueue may take to admit each further pod", min=1)
    ] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Give a step that is at work on a cluster more or fewer pods.

    Pods that go are told to stop, and the others make their parts. In a queue pods are added one at a time.
    """
    from pipelines.cluster.scale_command import Scaling, scale_step

    scaling = Scaling(run_id=run_id, step=step, number=number, wait_seconds=wait)
    sys.exit(scale_step(scaling, host, namespace, as_json=as_json))


@app.command()
@functools.partial(takes_cluster, needs_namespace=False)
def doctor(
    cluster: Cluster,
    preset: CheckedPreset = "",
    workspace: Annotated[
        str, typer.Option(help="the workspace: gs://… or s3://…; without --namespace also a directory [runs/PRESET]")
    ] = "",
    settings: Settings = None,
    pipeline: Column = "",
    training_nodes: Annotated[
        int,
        typer.Option(help="the same as --set training_nodes of the run; above 1, also check Kubeflow Trainer", min=1),
    ] = 1,
    store_secret: Annotated[
        str,
        typer.Option(help="the same as --set store_secret of the run: the Secret with the store's endpoint and keys"),
    ] = STORE_SECRET,
    deep: Deep = False,
    as_json: AsJson = False,
) -> None:
    """Check whether a run would work, before it uses a GPU: on a cluster, or without --namespace on this machine.

    Each check that fails says how to fix it; the exit code is then 2.
    """
    from pipelines.cluster.doctor_command import examine
    from pipelines.cluster.findings import PlannedRun

    planned = PlannedRun(
        workspace=workspace,
        cluster=cluster,
        training_nodes=training_nodes,
        store_secret=store_secret,
        preset=preset,
        settings=settings or [],
        pipeline=pipeline,
    )
    sys.exit(examine(planned, deep=deep, as_json=as_json))


@app.command()
def parameters(
    preset: Annotated[
        str,
        typer.Argument(
            help="a preset, or the path of one [all pipelines]",
            show_default=False,
            autocompletion=_presets_that_begin,
        ),
    ] = "",
    settings: Settings = None,
    pipeline: Column = "",
    options: Annotated[
        bool, typer.Option("--options", help="also list the options of steps that are at their default")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List what a run can be given: names, values, defaults, help, and where each value comes from.

    With a preset, its parameters and the options of steps that it sets; without one, the parameters of all pipelines.
    """
    from pipelines.parameters_command import Asked, list_parameters

    if not preset and (settings or pipeline or options):
        raise typer.BadParameter("--set, --pipeline and --options need a preset; give one")
    asked = Asked(preset=preset, settings=settings or [], pipeline=pipeline, with_options=options)
    sys.exit(list_parameters(asked, as_json=as_json))


@app.command()
def compile(
    check: Annotated[bool, typer.Option("--check", help="write nothing; fail if a file is not up to date")] = False,
    preset: Annotated[
        str, typer.Option(help="compile for this preset, a name or a file of your own (.yaml), into --output")
    ] = "",
    pipeline: Column = "",
    output: Annotated[str, typer.Option(help="with --preset: the folder that the file goes to")] = ".",
) -> None:
    """Compile the pipelines for the presets that they are released for, into pipelines/compiled.

    With --preset, one pipeline for one preset: a file for Kubeflow's UI, whose form has the preset's values.
    """
    from pipelines.compiling import compile_or_check, compile_preset
    from pipelines.reporting import exit_code_of

    if preset:
        sys.exit(exit_code_of("compile", lambda: compile_preset(preset, pipeline, output)))
    sys.exit(compile_or_check(check))


@app.command()
def new(
    kind: Annotated[str, typer.Argument(metavar="filter|step|engine", help="the kind; a step asks a model")],
    name: Annotated[str, typer.Argument(help="its name, such as filter_length")],
) -> None:
    """Start a filter, a step or an engine of your own, in a checkout.

    Writes its files and registers it; docs/recipes.md has the next steps.
    """
    from pipelines.scaffold import make_new

    sys.exit(make_new(kind, name))


@app.command()
def show(
    folder: Annotated[str, typer.Argument(help="a folder of a step, or a workspace")],
    rows: Annotated[int, typer.Option(help="number of rows to show", min=0)] = 3,
    verdict: Annotated[
        str,
        typer.Option(help="of an evaluation, show rows with this verdict, such as not_compared", show_default=False),
    ] = "",
    price_per_gpu_hour: Annotated[
        float, typer.Option(metavar="DOLLARS", help="what a GPU-hour costs [as the dataset's run knew it]", min=0)
    ] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Show the content of a folder.

    Shows its manifest, ledger and first rows; for a dataset or a workspace, also the funnel of its run.
    For a folder that is not finished: which parts are done, who works on the others, and what attempts died of.
    For a workspace in which a run is at work: also what is finished.
    """
    from pipelines.show_command import show_folder

    sys.exit(show_folder(folder, rows, verdict, price=price_per_gpu_hour, as_json=as_json))


@app.command()
def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="a folder, or a workspace: its newest dataset")],
    b: Annotated[str, typer.Argument(metavar="B", help="another one")],
    markdown: Annotated[bool, typer.Option("--markdown", help="print Markdown, for a pull request")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare two datasets, or other folders.

    Tells the funnels side by side, options and models that differ, which questions only one of them has and where the
    other lost them, and figures.
    """
    from pipelines.diff_command import diff as diff_folders

    if markdown and as_json:
        raise typer.BadParameter("--markdown and --json contradict each other; give one of them")
    sys.exit(diff_folders(a, b, "markdown" if markdown else "json" if as_json else "text"))


@app.command()
def verify(
    folder: Annotated[str, typer.Argument(help="a folder of a step, or a workspace: its newest dataset")],
    with_inputs: Annotated[
        bool, typer.Option("--with-inputs", help="also verify everything that it was made from, back to the sources")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read everything in a folder and report what is wrong.

    Parts, rejected rows, ledger, plan, manifest, a model's files, inputs that changed since: one line for each finding,
    then a summary. Nothing is changed. Ends with 0 where the folder is finished and sound, with 3 where it is not.
    """
    from pipelines.verify_command import verify as verify_address

    sys.exit(verify_address(folder, with_inputs, as_json=as_json))


@app.command()
def push(
    folder: Annotated[str, typer.Argument(help="a dataset or a model, finished; or a workspace: its newest dataset")],
    repository: Annotated[
        str, typer.Argument(help="hf://datasets/owner/name for a dataset, hf://owner/name for a model, or owner/name")
    ],
    public: Annotated[
        bool, typer.Option("--public", help="make a new repository public; also needed to push to a public one")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only list the files and their sizes")] = False,
    as_json: AsJson = False,
) -> None:
    """Upload a finished dataset, or a model with its card, to the Hugging Face hub.

    The repository is made if there is none, private unless --public is given. All files are one commit. The same push
    again makes no commit; after a cut it continues. The token is the one in HF_TOKEN, or the hub client's own.
    """
    from pipelines.push_command import Push
    from pipelines.push_command import push as push_folder

    asked = Push(address=folder, repository=repository, public=public, dry_run=dry_run, as_json=as_json)
    sys.exit(push_folder(asked))


@app.command()
def audit(
    dataset: Annotated[str, typer.Argument(help="a finished dataset; or a workspace: its newest one")],
    rows: Annotated[int, typer.Option(help="number of rows to look at", min=1)] = 200,
    seed: Annotated[int, typer.Option(help="another seed draws other rows", min=0)] = 0,
    page: Annotated[str, typer.Option(help="file to write the page to [audit-FINGERPRINT.html]")] = "",
    verdicts: Annotated[
        str,
        typer.Option(metavar="FILE", help="verdicts that a page saved: checks them and keeps them with the dataset"),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Let a person judge a sample of a dataset.

    Writes a page with rows of each generator and tier. It works offline and saves the verdicts as a file; given with
    --verdicts, they are kept with the dataset, and its card and `show` tell the error rates with their intervals.
    """
    from pipelines.audit_command import Audit
    from pipelines.audit_command import audit as audit_dataset

    asked = Audit(address=dataset, rows=rows, seed=seed, page=page, verdicts=verdicts, as_json=as_json)
    sys.exit(audit_dataset(asked))


@app.command()
def report(
    address: Annotated[str, typer.Argument(metavar="WORKSPACE", help="a workspace, or a folder of rows: a dataset")],
    page: Annotated[str, typer.Option(help="file to write the page to [report-NAME.html]")] = "",
    price_per_gpu_hour: Annotated[
        float, typer.Option(metavar="DOLLARS", help="what a GPU-hour costs [as the dataset's run knew it]", min=0)
    ] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Write a page about a dataset, or about a run in progress or failed.

    One HTML file that loads nothing and runs nothing: checks, funnel, distributions, samples with formulas, rejected
    rows, costs, models, lineage. A page that stands there is replaced.
    """
    from pipelines.report_command import report as write_report

    sys.exit(write_report(address, page, price=price_per_gpu_hour, as_json=as_json))


@app.command()
def gc(
    workspace: Annotated[str, typer.Argument(help="gs://…, s3://… or a directory")],
    keep: Annotated[
        list[str] | None,
        typer.Option(help="also keep this folder and everything that it was made from; repeatable"),
    ] = None,
    older_than: Annotated[
        float, typer.Option(metavar="HOURS", help="keep what was written in the last so many hours", min=0)
    ] = 168.0,
    delete: Annotated[bool, typer.Option("--delete", help="delete it; otherwise it is only listed")] = False,
    as_json: AsJson = False,
) -> None:
    """List what no dataset or table of solvers of a workspace needs.

    Needed is every dataset that package_dataset finished, and every table that compare_solvers did, with all folders
    that they were made from. Folders that were written to or used lately, by the store's own clock, stay with all that
    they were made from: --older-than has to be longer than any step goes without writing, waiting for a GPU included.
    Steps may begin while --delete is under way.
    """
    from pipelines.gc_command import collect_garbage

    sys.exit(collect_garbage(workspace, keep or [], older_than, delete, as_json=as_json))


def main() -> None:
    """Run the command."""
    make_usable()
    start_logging("%(message)s", logging.WARNING)
    logging.getLogger("urllib3.connectionpool").setLevel(
        logging.ERROR
    )  # it tells each attempt; our message tells the last
    app()
