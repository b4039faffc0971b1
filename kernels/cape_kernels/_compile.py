"""Machine code of a kernel, by Numba; loaded only where a kernel is not in the cache.

Numba compiles for calls from Python: each function that a kernel calls would be optimised and translated on its own,
then again inside its caller, and again inside the caller's caller. Kernels need none of that. The functions that they
call are handed on as they are written down, and the whole is optimised and translated once (`process_lines`: from 12.7
to 9.2 processor seconds, of which LLVM has 1.7 and typing and lowering in Python the rest).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numba
from llvmlite import ir  # type: ignore[import-untyped]  # as Numba itself, it publishes no types
from numba.core import codegen
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import CPUDispatcher, CPUTarget, cpu_target
from numba.extending import intrinsic

from cape_kernels import _types

if TYPE_CHECKING:
    from cape_kernels._jit import Inner, Kernel

# Without its reference counting Numba passes our tuples of arrays several times faster: both kernels of mass processing
# together went from 1.5 to 11 million tariff rows a second, and inlining every helper gave 18 (one core,
# docs/performance.md). It also makes the rule that a kernel allocates nothing a rule of the compiler.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
# Only kernels call what is compiled here, and Python calls kernels through the entry below.
_ROUTINE: dict[str, Any] = _OPTIONS | {"no_cfunc_wrapper": True, "no_cpython_wrapper": True}
_KINDS = {"routine": _ROUTINE, "helper": _ROUTINE | {"forceinline": True}}


class _Library(codegen.JITCodeLibrary):  # type: ignore[misc]  # numba carries no types
    """The code of one function and of all it calls, neither optimised nor translated before it is asked for."""

    def _optimize_final_module(self) -> None:
        """Leave that to the kernel that all ends up in."""

    def _finalize_final_module(self) -> None:
        """Give the code to nobody: it is a part of what a kernel is made of."""
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """No function has an address."""
        del name
        return 0

    @global_compiler_lock  # type: ignore[untyped-decorator]  # as above
    def whole(self, entry: str) -> bytes:
        """The object file in which `entry` can be found."""
        self._ensure_finalized()
        module = self._final_module
        for function in module.functions:
            if not function.is_declaration and function.name != entry:
                function.linkage = "internal"
        super()._optimize_final_module()  # type: ignore[no-untyped-call]  # as above
        missing = [f.name for f in module.functions if f.is_declaration and not _provided(f.name)]
        if missing:
            raise RuntimeError(f"a kernel would call {missing[0]}, which only Numba has")
        code: bytes = self._codegen._tm.emit_object(module)  # noqa: SLF001 - Numba's own way for its object files
        return code


def _provided(name: str) -> bool:
    """Whether LLVM, or the C library of any process, has the function."""
    return name.startswith("llvm.") or name in {"memcpy", "memmove", "memset", "memcmp", "bcmp", "printf", "puts"}


class _Codegen(codegen.JITCPUCodegen):  # type: ignore[misc]  # as above
    """Code for this processor, in libraries that wait for their kernel."""

    _library_class = _Library

    def set_env(self, env_name: str, env: Any) -> None:
        """Kernels have no surroundings in Python."""


class _Target(CPUTarget):  # type: ignore[misc]  # as above
    """This processor, with a generator of code of our own."""

    @functools.cached_property
    def _context(self) -> Any:
        context = cpu_target.target_context
        context.refresh()
        return context.subtarget(_internal_codegen=_Codegen("cape_kernels"))

    @property
    def target_context(self) -> Any:
        """How types are laid out and functions called: as Numba does."""
        return self._context

    @property
    def typing_context(self) -> Any:
        """Numba's own."""
        return cpu_target.typing_context


class _Dispatcher(CPUDispatcher):  # type: ignore[misc]  # as above
    """A function as other compiled functions see it."""

    targetdescr = _Target("cpu")


def _dispatcher(function: Callable[..., Any], kind: str) -> Any:
    """The function for compiled callers."""
    return _Dispatcher(function, targetoptions=_KINDS[kind] | {"nopython": True, "boundscheck": None})


def type_of(function: Kernel | Inner, kind: str) -> Any:
    """The type that Numba gives to a function of ours inside a kernel."""
    if function._dispatcher is None:  # noqa: SLF001 - kept there, made here
        function._dispatcher = _dispatcher(function.py_func, kind)  # noqa: SLF001 - as above
    return numba.types.Dispatcher(function._dispatcher)  # noqa: SLF001 - as above


@functools.cache
def intrinsic_type(code: Callable[..., Any]) -> Any:
    """The type that Numba gives to an operation of ours inside a kernel."""
    made = intrinsic(code)
    cpu_target.typing_context.refresh()  # else Numba knows it from its next compilation on only
    return cpu_target.typing_context.resolve_value_type(made)


@functools.cache
def for_python(function: Callable[..., Any]) -> Any:
    """A function that kernels call, compiled for calls from Python."""
    return numba.njit(**_OPTIONS)(function)


def object_code(kernel: Kernel) -> bytes:
    """The object file of a kernel, whose entry takes the words of its arguments (`_words`) and gives 0."""
    dispatcher = _dispatcher(kernel.py_func, "routine")
    arguments = tuple(numba_type(kind) for kind in kernel.signature)
    with global_compiler_lock:
        dispatcher.compile(arguments)
        result = dispatcher.overloads[arguments]
        made = attrgetter("library")(result)
        made.add_ir_module(_entry(result, kernel.symbol))
        code: bytes = made.whole(kernel.symbol)
    return code


def _entry(result: Any, symbol: str) -> Any:
    """A function that takes words from memory and calls the kernel with them."""
    context = result.target_context
    kind = context.call_conv.get_function_type(result.fndesc.restype, result.fndesc.argtypes)
    module = context.codegen()._create_empty_module(symbol)  # noqa: SLF001 - no other way to get the right layout
    word = ir.IntType(64)
    entry = ir.Function(module, ir.FunctionType(ir.IntType(32), [word.as_pointer()]), symbol)
    builder = ir.IRBuilder(entry.append_basic_block())
    # Where the kernel would put what it returns, and why it failed: the words of both are never read.
    values = [builder.inttoptr(builder.ptrtoint(builder.alloca(word), word), kind.args[place]) for place in (0, 1)]
    for place, argument in enumerate(kind.args[2:]):
        value = builder.load(builder.gep(entry.args[0], [ir.Constant(word, place)]))
        if isinstance(argument, ir.PointerType):
            value = builder.inttoptr(value, argument)
        elif argument.width < word.width:
            value = builder.trunc(value, argument)
        values.append(value)
    builder.ret(builder.call(ir.Function(module, kind, result.fndesc.llvm_func_name), values))
    return module


def numba_type(kind: Any) -> Any:
    """Numba's type for one of ours."""
    if isinstance(kind, _types.Array):
        element = kind.dtype
        inner = numba.from_dtype(element.numpy) if isinstance(element, _types.Record) else numba_type(element)
        return numba.types.Array(inner, kind.ndim, "C", readonly=kind.readonly)
    if isinstance(kind, _types.Tuple):
        members = [numba_type(member) for member in kind.members]
        if kind.cls is None:
            return numba.types.Tuple(members)
        if len(set(members)) == 1:
            return numba.types.NamedUniTuple(members[0], len(members), kind.cls)
        return numba.types.NamedTuple(members, kind.cls)
    return getattr(numba.types, kind.name)
