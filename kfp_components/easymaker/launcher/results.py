"""What is brought to storage after the entry point has ended."""

import os
from pathlib import Path

from kfp_components.easymaker.launcher.exit_codes import LauncherError
from kfp_components.easymaker.launcher.messages import say
from kfp_components.easymaker.launcher.prepare import Run
from kfp_components.easymaker.launcher.storage import Storage
from kfp_components.easymaker.launcher.work_directory import discard


def upload_results(run: Run, storage: Storage, *, succeeded: bool) -> list[LauncherError]:
    """Upload each kind of result, one's failure not keeping the others back; the failures.

    Checkpoints and TensorBoard logs go up in any case. The model goes last, only after a success and only from the
    first node: where it lies, the training is complete. What has been uploaded is not kept twice.
    """
    spec, paths = run.spec, run.paths
    uploads = [
        ("the checkpoints", paths.checkpoint, spec.checkpoint_upload_uri),
        ("the TensorBoard logs", paths.tensorboard, spec.tensorboard_upload_uri),
    ]
    if succeeded and spec.node_rank == 0:
        if _is_empty(paths.model):
            say("warning: EM_MODEL_DIR is empty: the training saved no model, so none can be created from it")
        uploads.append(("the model", paths.model, spec.model_upload_uri))
    failures: list[LauncherError] = []
    for what, directory, uri in uploads:
        if uri and not _is_empty(directory):
            try:
                storage.keep(what, directory, uri)
                discard({directory} & set(paths.disposable))
            except LauncherError as failure:
                say(failure.reason)
                failures.append(failure)
    return failures


def _is_empty(directory: Path) -> bool:
    """A directory that the user's code removed, or swapped for a link to elsewhere, holds no result."""
    if directory.is_symlink() or not directory.is_dir():
        return True
    with os.scandir(directory) as entries:
        return next(entries, None) is None
