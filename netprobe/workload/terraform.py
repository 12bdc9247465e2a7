"""Terraform: task definitions, services and ECS targets of EventBridge, as far as they are written out.

python-hcl2's grammar reads the file (https://github.com/amplify-education/python-hcl2, MIT, read 2026-11-28); its tree
keeps the line of every word. Nothing is evaluated: a variable, a function other than ``jsonencode`` over what is
written out, a ``dynamic`` block or a file beside it becomes an :class:`Intrinsic` named :data:`OPEN`, and the rules
that would need its value are not run and say so.

Names: the provider writes AWS's camelCase in snake_case, and repeats a block where AWS has a list
(registry.terraform.io/providers/hashicorp/aws, resources ``ecs_task_definition``, ``ecs_service`` and
``cloudwatch_event_target``, read 2026-11-28; ``scheduler_schedule``, read 2026-11-29).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from netprobe.errors import UnreadableFileError
from netprobe.workload import document
from netprobe.workload.document import OPEN, Intrinsic, List, Map, Value
from netprobe.workload.template import UNKNOWN

MAX_BYTES = 256 * 1024
"""The grammar takes some seconds for it."""
TASK, SERVICE, TARGET = "aws_ecs_task_definition", "aws_ecs_service", "aws_cloudwatch_event_target"
SCHEDULE = "aws_scheduler_schedule"
KINDS = frozenset({TASK, SERVICE, TARGET, SCHEDULE})
"""The resources that say something of ECS."""
LISTS = {
    "volume": "volumes",
    "load_balancer": "loadBalancers",
    "inference_accelerator": "inferenceAccelerators",
    "service_registries": "serviceRegistries",
    "placement_constraints": "placementConstraints",
    "placement_constraint": "placementConstraints",
    "capacity_provider_strategy": "capacityProviderStrategy",
    "volume_configuration": "volumeConfigurations",
}
"""Blocks that stand for the items of a list."""
_DYNAMIC = "dynamic"
_NAMES = {"task_definition_arn": "taskDefinition"}
INTERPOLATION = re.compile(r"\$\{[^{}]*\}")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)


def resources(text: str, name: str) -> list[tuple[str, Map]]:
    """The resources of a file that say something of ECS: their type, and their fields under AWS's names.

    Args:
        text: the file's content.
        name: the file, for messages.

    Raises:
        UnreadableFileError: it is no Terraform, too large, or python-hcl2 is not installed.
    """
    if len(text) > MAX_BYTES:
        raise UnreadableFileError(name, f"is larger than {MAX_BYTES // 1024} KiB", "split it")
    try:
        return list(_resources(_tree(text, name), name))
    except RecursionError:
        raise UnreadableFileError(name, "is nested too deep", "give the task definition as JSON") from None


def _resources(tree: Any, name: str) -> Iterator[tuple[str, Map]]:
    for block in _children(tree, "body"):
        for resource in _children(block, "block"):
            labels = [_label(child) for child in resource.children if _kind(child) in ("identifier", "string")]
            if len(labels) == 3 and labels[0] == "resource" and labels[1] in KINDS:
                yield labels[1], _block(resource, name)


def _tree(text: str, name: str) -> Any:
    try:
        import hcl2
        from lark.exceptions import LarkError, UnexpectedInput
    except ImportError as exc:
        remedy = "install netprobe[terraform], or give the task definition as JSON"
        raise UnreadableFileError(
            name, "is Terraform, which python-hcl2 reads and which is not installed", remedy
        ) from exc
    try:
        return hcl2.parses_to_tree(text if text.endswith("\n") else f"{text}\n")
    except UnexpectedInput as exc:
        where = f" at line {exc.line}, column {exc.column}" if exc.line > 0 else ""
        raise UnreadableFileError(
            name, f"is no Terraform{where}", "correct it ('terraform validate' says how)"
        ) from exc
    except LarkError as exc:
        raise UnreadableFileError(name, "is no Terraform", "correct it ('terraform validate' says how)") from exc


def _kind(node: Any) -> str:
    return str(getattr(node, "data", ""))


def _children(node: Any, kind: str) -> Iterator[Any]:
    return (child for child in node.children if _kind(child) == kind)


def _line(node: Any) -> int:
    """The line of the first word below a node."""
    while hasattr(node, "children"):
        if not node.children:
            return 1
        node = node.children[0]
    return int(getattr(node, "line", None) or 1)


def _words(node: Any) -> str:
    """The text below a node as it is written."""
    if not hasattr(node, "children"):
        return str(node)
    return "".join(_words(child) for child in node.children)


def _label(node: Any) -> str:
    return _words(node).strip('"')


def _block(node: Any, name: str) -> Map:
    found = Map(_line(node))
    for body in _children(node, "body"):
        for child in body.children:
            if _kind(child) == "attribute":
                _attribute(child, found, name)
            elif _kind(child) == "block":
                _inner(child, found, name)
    return found


def _attribute(node: Any, found: Map, name: str) -> None:
    key, value = _label(node.children[0]), _value(node.children[-1], name)
    if key == "container_definitions" and isinstance(value, str):
        value = _containers(value, _line(node), name)
    put(found, camel(key), value, _line(node))


def _inner(node: Any, found: Map, name: str) -> None:
    """A block in a block: a map, an item of a list, or (``dynamic``) something that only Terraform knows."""
    labels = [_label(child) for child in node.children if _kind(child) in ("identifier", "string")]
    line = _line(node)
    is_dynamic = labels[0] == _DYNAMIC and len(labels) == 2
    block = labels[1] if is_dynamic else labels[0]
    value = Intrinsic(OPEN, _DYNAMIC, line) if is_dynamic else _block(node, name)
    if block not in LISTS:
        put(found, camel(block), value, line)
        return
    key = LISTS[block]
    items = found.get(key)
    if items is None:
        items = List(line)
        put(found, key, items, line)
    if isinstance(items, List):
        items.append(value)
        items.lines.append(line)


def put(found: Map, key: str, value: Value, line: int) -> None:
    """Set a field at its line."""
    found[key] = value
    found.lines[key] = line


def camel(key: str) -> str:
    """AWS's name of a field."""
    if key in _NAMES:
        return _NAMES[key]
    first, *rest = key.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def _value(node: Any, name: str) -> Value:
    """A value as it is written; what Terraform would have to work out is open."""
    kind = _kind(node)
    if kind == "expr_term" and len(node.children) == 1:
        return _value(node.children[0], name)
    if kind == "string":
        return _string(node)
    if kind == "tuple":
        return _tuple(node, name)
    if kind == "object":
        return _object(node, name)
    if kind in ("heredoc_template", "heredoc_template_trim"):
        return _heredoc(_words(node))
    if kind == "int_lit":
        text = _words(node)
        return int(text) if len(text) < 20 else text
    if kind in ("float_lit", "literal_value"):
        return {"true": True, "false": False, "null": None}.get(_words(node), _words(node))
    if kind == "function_call" and _label(node.children[0]) == "jsonencode":
        for arguments in _children(node, "arguments"):
            terms = list(_terms(arguments))
            if len(terms) == 1:
                return _value(terms[0], name)
    if kind == "identifier" and _words(node) in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[_words(node)]
    return Intrinsic(OPEN, None, _line(node))


def _string(node: Any) -> str:
    pieces = []
    for part in _children(node, "string_part"):
        is_open = any(_kind(child) in ("interpolation", "template_directive") for child in part.children)
        pieces.append(UNKNOWN if is_open else _unescaped(_words(part)))
    return "".join(pieces)


def _unescaped(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        code = match[1] or match[2]
        if code is None:
            return _ESCAPES.get(match[3], match[3])
        return chr(int(code, 16)) if int(code, 16) < 0x110000 else "\ufffd"

    return _ESCAPE.sub(one, text).replace("$${", "${").replace("%%{", "%{")


def _heredoc(text: str) -> str:
    _, _, body = text.partition("\n")
    return INTERPOLATION.sub(UNKNOWN, body.rstrip().rpartition("\n")[0])


def _tuple(node: Any, name: str) -> List:
    found = List(_line(node))
    for child in _terms(node):
        found.append(_value(child, name))
        found.lines.append(_line(child))
    return found


def _terms(node: Any) -> Iterator[Any]:
    """The values of a list or a call, without the ends of lines and the comments between them."""
    return (child for child in node.children if hasattr(child, "children") and _kind(child) != "new_line_or_comment")


def _object(node: Any, name: str) -> Map:
    found = Map(_line(node))
    for element in _children(node, "object_elem"):
        keys = list(_children(element, "object_elem_key"))
        key = _label(keys[0]).strip() if keys else ""
        put(found, key, _value(element.children[-1], name), _line(element))
    return found


def _containers(text: str, line: int, name: str) -> Value:
    """Container definitions that are written as JSON in a string; open where only Terraform can complete it."""
    quoted = text.replace(UNKNOWN, "\\u0000")
    try:
        json.loads(quoted)
    except (ValueError, RecursionError):
        return Intrinsic(OPEN, None, line)
    (value,) = document.parse(quoted, name) or [None]
    if isinstance(value, List):
        _moved(value, line)
    return value


def _moved(value: Value, by: int) -> None:
    """Count the lines of a value from those of the file that it stands in."""
    pending: list[Value] = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, Map):
            one.line += by
            one.lines = {key: line + by for key, line in one.lines.items()}
            pending += one.values()
        elif isinstance(one, List):
            one.line += by
            one.lines = [line + by for line in one.lines]
            pending += one
