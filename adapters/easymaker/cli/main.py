"""``kubeflow-easymaker``: the command table. What a command does is in the module of its name.

Commands that need the engine or the application import it themselves: `env` stands in shell profiles and must be quick.
"""

import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from adapters.easymaker.api.authentication import Role
from adapters.easymaker.cli import environment, identity, output, tokens
from adapters.easymaker.cli.installation import open_installation
from adapters.easymaker.cli.output import PROGRAM, CliError, Format, ManifestFormat, Output
from adapters.easymaker.errors import EasyMakerError

START_SECONDS = 600.0
MISSING_EXTRA = "this needs the packages of the cluster engine: pip install 'kubeflow-easymaker[cluster]'"
INTERRUPTED = 130

app = typer.Typer(
    help="The EasyMaker resource model on this machine, with no cluster and no container engine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
token_app = typer.Typer(help="Access tokens of this installation.", no_args_is_help=True)
app.add_typer(token_app, name="token")

Timeout = Annotated[float, typer.Option(min=1, help="Seconds until a start counts as failed.")]


@app.command()
def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when all is ready, leave it running.")] = False,
    timeout: Timeout = START_SECONDS,
    form: Output = Format.TEXT,
) -> None:
    """Start everything; Ctrl-C ends it again."""
    from adapters.easymaker.cli import up as up_command

    installation = open_installation()
    if not detach:
        raise typer.Exit(up_command.in_foreground(installation, form, timeout))
    seen, seconds = up_command.detached(installation, form, timeout)
    up_command.show(installation, seen, form, seconds)
    output.hint(form, f'eval "$({PROGRAM} env)", then use the SDK; {PROGRAM} down ends everything')


@app.command()
def down(form: Output = Format.TEXT) -> None:
    """End everything of this home; what was running starts again at the next `up`."""
    from adapters.easymaker.cli import down as down_command

    down_command.down(open_installation(), form)
    output.hint(form, f"{PROGRAM} up")


@app.command()
def status(form: Output = Format.TEXT) -> None:
    """Show the parts and how many resources there are. Exit code 1 when a part is down."""
    from adapters.easymaker.cli import status as status_command

    running = status_command.status(open_installation(), form)
    output.hint(form, f"{PROGRAM} logs -f" if running else f"{PROGRAM} up; {PROGRAM} logs says what happened")
    raise typer.Exit(0 if running else 1)


@app.command()
def env(form: Output = Format.TEXT) -> None:
    """Print the variables that the SDK needs: eval "$(kubeflow-easymaker env)"."""
    installation = open_installation()
    variables = environment.sdk_variables(installation, os.environ)
    if form is Format.JSON:
        output.print_json(variables)
        return
    sys.stdout.write(environment.exports(variables))
    running = identity.living(installation.adapter_record) is not None
    output.hint(form, 'python -c "import easymaker"' if running else f"{PROGRAM} up: nothing runs at the moment")


@app.command("logs")
def show_logs(
    kind: Annotated[str | None, typer.Argument(help="Kind of the resource, e.g. training; none: the adapter.")] = None,
    resource_id: Annotated[str | None, typer.Argument(help="Id of the resource.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written next.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Lines of the adapter's log.")] = 100,
    form: Output = Format.TEXT,
) -> None:
    """Show the adapter's log, or a resource's."""
    from adapters.easymaker.cli import logs

    installation = open_installation()
    if kind is None:
        logs.of_adapter(installation, form, lines, follow)
        output.hint(form, f"{PROGRAM} logs training ID -f")
        return
    if resource_id is None:
        raise CliError(f"an id is needed as well: {PROGRAM} logs {kind} ID", output.EXIT_USAGE)
    logs.of_resource(installation, form, (kind, resource_id), follow)
    output.hint(form, f"{PROGRAM} status")


@app.command()
def doctor(form: Output = Format.TEXT) -> None:
    """Show what is missing on this machine and how to mend it. Exit code 1 when something is."""
    from adapters.easymaker.cli import doctor as doctor_command

    good = doctor_command.doctor(open_installation(), form)
    output.hint(form, f"{PROGRAM} up" if good else f"{PROGRAM} doctor, when that is done")
    raise typer.Exit(0 if good else 1)


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running at the end.")] = False,
    form: Output = Format.TEXT,
) -> None:
    """Let the official SDK live a whole life cycle here, step by step."""
    from adapters.easymaker.cli import demo as demo_command

    raise typer.Exit(demo_command.demo(open_installation(), form, keep))


@app.command()
def routes(form: Output = Format.TEXT) -> None:
    """Show every route of the API with its access rule."""
    from adapters.easymaker.cli import routes as routes_command

    routes_command.routes(open_installation(), form)
    output.hint(form, f"{PROGRAM} up, then /docs has the details")


@app.command()
def migrate(form: Output = Format.TEXT) -> None:
    """Bring the database of EASYMAKER_DATABASE_URL up to date, as before an adapter starts on a cluster."""
    from adapters.easymaker.cli import migrate as migrate_command

    migrate_command.migrate(open_installation(), form)


@app.command()
def export(
    target: Annotated[str | None, typer.Argument(metavar="KIND[/ID]", help="Such as endpoint/ID, or endpoint.")] = None,
    appkey: Annotated[str | None, typer.Option(help="The resource's appkey; default: EASYMAKER_APPKEY.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything of the appkey.")] = False,
    form: Annotated[ManifestFormat, typer.Option("--output", "-o", help="json prints one List.")] = ManifestFormat.YAML,
) -> None:
    """Print the manifests that the cluster engine would apply, without a cluster, for `kubectl apply -f -`.

    A stage goes with its endpoint, a stage resource with its stage. What has ended goes only by its id.
    """
    try:
        from adapters.easymaker.cli import export as export_command
    except ModuleNotFoundError as error:
        raise _without(error) from error

    installation = open_installation()
    wanted = export_command.target_of(target, everything, appkey or installation.settings.appkey)
    export_command.export(installation, wanted, form)


@app.command()
def preflight(
    kubeconfig: Annotated[Path | None, typer.Option(help="Its cluster is looked at; default: as kubectl.")] = None,
    context: Annotated[str | None, typer.Option(help="Context of the kubeconfig; default: its current one.")] = None,
    namespace: Annotated[
        list[str] | None, typer.Option(help="A profile to look at; may be given several times.")
    ] = None,
    service_account: Annotated[
        str | None, typer.Option(metavar="NAMESPACE/NAME", help="Whose rights to ask for; default: your own.")
    ] = None,
    form: Output = Format.TEXT,
) -> None:
    """Show what a cluster has of what is needed, for which resource it lacks what, and what to run.

    Exit code 1 when a resource lacks something, 2 when no cluster can be reached.
    """
    try:
        from adapters.easymaker.cli import preflight as preflight_command
    except ModuleNotFoundError as error:
        raise _without(error) from error

    if service_account is not None and service_account.count("/") != 1:
        raise CliError("--service-account: NAMESPACE/NAME, such as kubeflow/easymaker-adapter", output.EXIT_USAGE)
    wanted = preflight_command.Wanted(kubeconfig, context, tuple(namespace or ()), service_account)
    good = preflight_command.preflight(wanted, form)
    output.hint(form, f"{PROGRAM} status" if good else f"{PROGRAM} preflight, when that is done")
    raise typer.Exit(0 if good else 1)


@app.command()
def version(form: Output = Format.TEXT) -> None:
    """Show the version."""
    found = metadata.version("kubeflow-easymaker")
    if form is Format.JSON:
        output.print_json({"version": found})
    else:
        output.out().print(f"{PROGRAM} {found}")
        output.hint(form, f"{PROGRAM} doctor")


@token_app.command("add")
def token_add(
    name: Annotated[str, typer.Argument(help="Who or what it is for.")],
    appkey: Annotated[list[str], typer.Option(help="Appkey that it opens; may be given several times.")],
    role: Annotated[Role, typer.Option(help="owner may change things, reader may look.")] = Role.OWNER,
    form: Output = Format.TEXT,
) -> None:
    """Make a token and show it, once."""
    token = tokens.add(open_installation(), name, appkey, role)
    if form is Format.JSON:
        output.print_json({"name": name, "token": token, "roles": dict.fromkeys(appkey, role.value)})
        return
    sys.stdout.write(token + "\n")
    output.hint(form, f"keep it, it is not shown again (EM_TOKEN for the SDK); {PROGRAM} token list")


@token_app.command("list")
def token_list(form: Output = Format.TEXT) -> None:
    """Show who has a token, and what it opens."""
    entries = tokens.listing(open_installation())
    shown = [{"name": entry["name"], "roles": entry["roles"]} for entry in entries]
    if form is Format.JSON:
        output.print_json({"tokens": shown})
        return
    rows = [{**e, "roles": ", ".join(f"{role} of {appkey}" for appkey, role in e["roles"].items())} for e in shown]
    output.out().print(output.table({"name": "NAME", "roles": "ROLES"}, rows))
    output.hint(form, f"{PROGRAM} token add NAME --appkey APPKEY")


@token_app.command("remove")
def token_remove(name: str, form: Output = Format.TEXT) -> None:
    """Make a token worthless at once."""
    tokens.remove(open_installation(), name)
    if form is Format.JSON:
        output.print_json({"removed": name})
    else:
        output.out().print(f"removed {name}", markup=False)
        output.hint(form, f"{PROGRAM} token list")


def main() -> None:
    """Errors become one line on stderr; a traceback only for developers who ask for it."""
    try:
        app(prog_name=PROGRAM)
    except CliError as error:
        _fail(str(error), error.exit_code)
    except EasyMakerError as error:
        _fail(str(error), 1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone; nothing more can be said on stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("EASYMAKER_LOG_LEVEL") == "DEBUG":
            raise
        _fail(f"unexpected {type(error).__name__}: {error} (EASYMAKER_LOG_LEVEL=DEBUG shows where)", 1)


def _without(error: ModuleNotFoundError) -> Exception:
    """What to tell when a command's packages are not installed; any other module that is missing is a mistake."""
    if (error.name or "").partition(".")[0] != "kubernetes":
        return error
    return CliError(MISSING_EXTRA, output.EXIT_USAGE)


def _fail(message: str, code: int) -> None:
    line = " ".join(message.split())
    sys.stderr.write(f"{PROGRAM}: {line}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
