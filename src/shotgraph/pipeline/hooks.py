"""Calling hooks so that a fault always has an owner.

Each implementation is called through pluggy on its own, in pluggy's order; observers and policies are guarded, everything
else propagates with the plugin's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pluggy

from shotgraph.api import hookspecs
from shotgraph.api.plan import Plan
from shotgraph.errors import PluginError, ShotgraphError
from shotgraph.pipeline.offers import Broken, Offer, did_you_mean

HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("shotgraph_"))


class Hooks:
    """The hooks of one run; their modules are imported at the first call.

    Args:
        offers: enabled entries of the hooks group.
    """

    def __init__(self, offers: Sequence[Offer]) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._waiting = list(offers)
        self._loaded: list[str] = []
        self._broken: list[Broken] = []
        self._callers: dict[str, list[tuple[str, Callable[..., Any]]]] = {}

    def register(self, plugin: Any, *, name: str) -> None:
        """Give `plugin` to pluggy; what it implements is called from now on."""
        self._manager.register(plugin, name=name)
        self._callers.clear()

    def names(self) -> tuple[str, ...]:
        """Every hooks plugin that loaded, sorted."""
        self._load()
        return tuple(sorted(self._loaded))

    def broken(self) -> tuple[Broken, ...]:
        """Hooks plugins that did not load."""
        self._load()
        return tuple(self._broken)

    def call(self, hook: str, **arguments: Any) -> Any:
        """Call a hook; an error in an implementation propagates with the plugin's name.

        Args:
            hook: its name, e.g. ``shotgraph_open_media``.
            **arguments: those of its specification.

        Returns:
            The first result that is not None, or for a collecting hook the list of them.

        Raises:
            ShotgraphError: an implementation raised it on purpose; a note names the plugin.
            PluginError: an implementation raised anything else.
        """
        first_only = _is_first_result(hook)
        results: list[Any] = []
        for plugin, caller in self._callers_of(hook):
            try:
                result = caller(**arguments)
            except ShotgraphError as error:
                error.add_note(f"raised by {hook} of plugin {plugin!r}")
                raise
            except Exception as error:
                raise PluginError(_fault(hook, plugin, error)) from error
            if not first_only:
                results.extend(result)
            elif result is not None:
                return result
        return None if first_only else results

    def emit(self, event: Mapping[str, Any]) -> list[str]:
        """Tell every observer; what they raise comes back as warnings and stops nothing."""
        return self._guarded("shotgraph_event", event=event)[1]

    def validate_plan(self, plan: Plan) -> tuple[list[str], list[str]]:
        """(What studio policy has against `plan`, warnings about policies that themselves failed)."""
        return self._guarded("shotgraph_validate_plan", plan=plan)

    def _guarded(self, hook: str, **arguments: Any) -> tuple[list[str], list[str]]:
        found: list[str] = []
        warnings: list[str] = []
        for plugin, caller in self._callers_of(hook):
            try:
                # A policy may yield its findings one by one; they are drawn here, inside the guard.
                found.extend([str(item) for result in caller(**arguments) for item in result])
            except Exception as error:  # noqa: BLE001 - an observer or policy never fails a render (DESIGN section 8)
                warnings.append(_fault(hook, plugin, error))
        return found, warnings

    def _callers_of(self, hook: str) -> list[tuple[str, Callable[..., Any]]]:
        self._load()
        if hook not in self._callers:
            implementations = reversed(getattr(self._manager.hook, hook).get_hookimpls())
            owners = {item.plugin_name: item.plugin for item in implementations}
            self._callers[hook] = [
                (
                    name,
                    self._manager.subset_hook_caller(hook, [other for other in owners.values() if other is not plugin]),
                )
                for name, plugin in owners.items()
            ]
        return self._callers[hook]

    def _load(self) -> None:
        waiting, self._waiting = self._waiting, []
        for offer in waiting:
            plugin: Any = None
            try:
                plugin = offer.load()
                name = f"{offer.entry.name} ({offer.distribution})"
                self.register(plugin, name=name)
                self._refuse_unknown_hooks(plugin, offer)
                self._loaded.append(name)
            except (PluginError, ValueError, pluggy.PluginValidationError) as error:
                # pluggy keeps what it had registered before it found the fault.
                if plugin is not None and self._manager.is_registered(plugin):
                    self._manager.unregister(plugin)
                self._broken.append(offer.broken(error))

    def _refuse_unknown_hooks(self, plugin: Any, offer: Offer) -> None:
        for caller in self._manager.get_hookcallers(plugin) or ():
            if not caller.has_spec():
                raise PluginError(
                    f"{offer.who}: hook must be one of {', '.join(HOOKS)}, got {caller.name!r}"
                    f"{did_you_mean(caller.name, HOOKS)}"
                )


def _fault(hook: str, plugin: str, error: Exception) -> str:
    return f"hook {hook}: plugin {plugin!r} must not raise, got {type(error).__name__}: {error}; repair or disable it"


def _is_first_result(hook: str) -> bool:
    return bool(getattr(getattr(hookspecs, hook), f"{hookspecs.PROJECT}_spec")["firstresult"])
