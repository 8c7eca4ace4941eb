"""Requirements on other packages, checked when a script starts."""

from __future__ import annotations

__all__ = ["require_version", "require_version_core"]


def require_version(requirement: str, hint: str | None = None) -> None:
    """Check that a requirement such as "numpy>=1.24,<3" or "python>=3.10" is met.

    Raises:
        importlib.metadata.PackageNotFoundError: the package is missing.
        ImportError: it has another version. `hint` joins both messages.
        ValueError: `requirement` is not of this form.
    """
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from packaging.requirements import InvalidRequirement, Requirement

    try:
        wanted = Requirement(requirement)
    except InvalidRequirement as error:
        message = f"[require_version] expected a requirement such as 'numpy>=1.24', got {requirement!r}"
        raise ValueError(message) from error
    more = f"; {hint}" if hint else ""
    try:
        found = platform.python_version() if wanted.name == "python" else version(wanted.name)
    except PackageNotFoundError:
        raise PackageNotFoundError(f"[require_version] expected {requirement}, found no such package{more}") from None
    if not wanted.specifier.contains(found, prereleases=True):
        raise ImportError(f"[require_version] expected {requirement}, found {wanted.name} {found}{more}")


require_version_core = require_version
