"""`python -m pytransformers.dropin`: runs a script, a module or a piece of code as `python` would, on this package.

    python -m pytransformers.dropin script.py [arguments]
    python -m pytransformers.dropin -m module [arguments]
    python -m pytransformers.dropin -c code [arguments]
    PYTHONPATH=$(python -m pytransformers.dropin --path) any-command    # where the command line cannot be changed

Processes that the program starts run on this package too.
"""

import os
import runpy
import sys

from . import PATH, install


def main() -> None:
    """Take the options from sys.argv, leave there what the program expects, and run it as `__main__`."""
    arguments = sys.argv[1:]
    option = arguments[0] if arguments else ""
    if option in ("", "-h", "--help"):
        print(__doc__)
        raise SystemExit(0 if option else 2)
    if option == "--path":
        print(PATH)
        return
    if option in ("-m", "-c") and len(arguments) < 2 or option.startswith("-") and option not in ("-m", "-c"):
        raise SystemExit(f"[pytransformers.dropin] expected script.py, -m module or -c code, got {' '.join(arguments)}")
    install()
    sys.path.insert(1, PATH)  # inherited by processes of `multiprocessing`; the environment by all others
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (PATH, os.environ.get("PYTHONPATH"))))
    if option == "-c":
        sys.argv = ["-c", *arguments[2:]]
        names = sys.modules["__main__"].__dict__
        names["__spec__"] = None
        del names["__file__"]
        exec(compile(arguments[1], "<string>", "exec", dont_inherit=True), names)
    elif option == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        if not os.path.exists(option):
            raise SystemExit(f"[pytransformers.dropin] expected a script, found no file {option}; check the path")
        sys.argv = arguments
        sys.path[0] = os.path.dirname(os.path.abspath(option))  # as `python script.py` does, instead of this folder
        runpy.run_path(option, run_name="__main__")


if __name__ == "__main__":
    main()
