"""`device_map`: one device is handled here, several by the `accelerate` library."""

import torch


def dispatch(model, device_map, max_memory=None, offload_folder=None, offload_state_dict=None, offload_buffers=False):
    """Place the parts of a model.

    Args:
        device_map: a device, "auto" | "balanced" | "balanced_low_0" | "sequential", or {module name: device}; a device
            is a torch device, its name, a number of a GPU, or "disk".
        max_memory: {device: bytes or text} for the plans.
        offload_folder: where parts on "disk" go.
    Raises:
        ImportError: several devices without `accelerate`.
    """
    plan = device_map in ("auto", "balanced", "balanced_low_0", "sequential") if isinstance(device_map, str) else False
    if plan and torch.cuda.device_count() == 0 and max_memory is None:
        device_map = "cpu"
        plan = False
    elif plan and torch.cuda.device_count() == 1 and max_memory is None and _fits(model, 0):
        device_map = 0
        plan = False
    if isinstance(device_map, dict):
        devices = set(map(str, device_map.values()))
        if len(devices) == 1 and "disk" not in devices:
            device_map = next(iter(device_map.values()))
    if not plan and not isinstance(device_map, dict):
        model.to(torch.device(device_map))
        model.hf_device_map = {"": device_map}
        return
    try:
        from accelerate import dispatch_model, infer_auto_device_map
        from accelerate.utils import get_balanced_memory
    except ImportError:
        raise ImportError(
            f"[device_map] {device_map!r} spreads a model over several devices, which needs accelerate: "
            "pip install accelerate, or name one device"
        ) from None
    if plan:
        keep = list(model._no_split_modules)
        if device_map != "sequential":
            max_memory = get_balanced_memory(
                model, max_memory, no_split_module_classes=keep, low_zero=device_map == "balanced_low_0"
            )
        device_map = infer_auto_device_map(model, max_memory=max_memory, no_split_module_classes=keep)
    dispatch_model(model, device_map, offload_dir=offload_folder, offload_buffers=offload_buffers)


def _fits(model, device):
    free, _ = torch.cuda.mem_get_info(device)
    return sum(p.numel() * p.element_size() for p in model.parameters()) < 0.9 * free
