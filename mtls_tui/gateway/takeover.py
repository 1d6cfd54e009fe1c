"""Letting what stands on disk rule: newer lists, a new bundle, new server certificates, each for itself.

Newer revocation lists go to the decision processes first: they need nothing else. A new bundle or server certificate is
checked by Envoy, then routes ask for all that old and new rules need, then the decision processes switch, then Envoy
gets the rest. Only the check must succeed: what Envoy can't be told now it is told when it is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from mtls_tui.gateway import planning
from mtls_tui.gateway.crlstore import CrlStore
from mtls_tui.gateway.envoy.hostplan import HostPlan, widest
from mtls_tui.gateway.envoy.sync import EnvoySync
from mtls_tui.gateway.envoy.xds import TAKEN_SECONDS
from mtls_tui.gateway.planning import ReadyBundle, short
from mtls_tui.gateway.reload import Mark, Taken, mark, refusals
from mtls_tui.gateway.settings import Settings


class Takeover:
    """What rules now, and how something newer comes to.

    `validate` lets Envoy check a whole state, `switch` lets the decision processes decide by one under a number; both
    raise GatewayError, and nothing changed, when that can't be. `first` rules already, under the number 1;
    `bundle_seen` is the mark of the bundle's file from before it was read.
    """

    def __init__(
        self,
        bundle: Path,
        settings: Settings,
        ca_folder: Path,
        lists: CrlStore,
        sync: EnvoySync,
        validate: Callable[[ReadyBundle], Awaitable[None]],
        switch: Callable[[ReadyBundle, int], Awaitable[None]],
        tell: Callable[[str], None],
        first: ReadyBundle,
        bundle_seen: Mark,
    ) -> None:
        self.state, self.generation = first, 1
        self._numbers = 1
        """Given out as generations; none is used twice, since Envoy remembers facts by it."""
        self._bundle, self._settings, self._ca_folder, self._lists = bundle, settings, ca_folder, lists
        self._sync, self._validate, self._switch, self._tell = sync, validate, switch, tell
        self._bundle_seen = bundle_seen

    def seen(self) -> dict[Path, Mark]:
        """The files that matter, with their marks from before they were last read."""
        return {**self.state.seen, self._bundle: self._bundle_seen}

    def running(self) -> str:
        """What rules, in a word."""
        return f"bundle {short(self.state.digest)}"

    async def take(self, force: bool) -> Taken:
        """Revocations first: they need neither Envoy nor any other file. Whatever is broken stops nothing else."""
        self._bundle_seen = mark(self._bundle)
        changed: list[str] = []
        refused: list[str] = []
        with refusals(refused):
            if await self._enforce(await asyncio.to_thread(planning.renewed_lists, self.state)):
                changed.append("revocation lists")
        with refusals(refused):
            data = await asyncio.to_thread(planning.read_bundle, self._bundle)
            if data != self.state.data:
                new = await asyncio.to_thread(
                    planning.make_state, self._bundle, data, self._settings, self._ca_folder, self._lists, self.state
                )
                if await self._enforce(new):
                    changed = ["bundle"]
        with refusals(refused):
            if await self._enforce(await asyncio.to_thread(planning.renewed_pairs, self.state), force=force):
                changed.append("as asked" if force else "server certificates")
        await asyncio.to_thread(self._lists.keep, self.state.lists)
        return Taken(", ".join(changed), (*refused, *self.state.refused))

    async def _enforce(self, new: ReadyBundle, *, force: bool = False) -> bool:
        """Let a state rule from now on; False when it does already. Raises, and nothing changed, if it can't."""
        # What was read is not read again because it could not be used: that is the retry's to do.
        self.state = old = replace(self.state, seen=self.state.seen | new.seen)
        for note in new.notes:
            if note not in old.notes:
                self._tell(note)
        rules_same = new.data == old.data and new.lists == old.lists
        if not force and rules_same and new.credentials == old.credentials:
            self.state = new
            return False
        shape = [(plan.name, plan.mtls) for plan in new.plans] != [(plan.name, plan.mtls) for plan in old.plans]
        moved = {plan.upstream for plan in new.plans} != {plan.upstream for plan in old.plans}
        if shape or moved or new.credentials != old.credentials:
            await self._validate(new)
        if not rules_same or force:
            await self._decide_by(old, new)
        self.state = new
        self._lists.remember(new.lists)
        self._sync.want(new.plans, new.credentials, self.generation)
        return True

    async def _decide_by(self, old: ReadyBundle, new: ReadyBundle) -> None:
        """Switch the decision processes."""
        wider = both(old.plans, new.plans)
        if wider != list(old.plans):
            # Let Envoy ask for all that old and new rules need together, so that no question lacks a field. When it
            # can't be reached, such questions are refused until it can: better than to go on by the old rules.
            self._sync.want(wider, old.credentials, self.generation)
            await self._sync.settled(TAKEN_SECONDS)
        self._numbers += 1
        try:
            await self._switch(new, self._numbers)
        except BaseException:
            self._sync.want(old.plans, old.credentials, self.generation)
            raise
        self.generation = self._numbers


def both(old: tuple[HostPlan, ...], new: tuple[HostPlan, ...]) -> list[HostPlan]:
    """The old hosts, asked for all that old and new rules need."""
    after = {plan.name: plan for plan in new}
    result = []
    for plan in old:
        then = after.get(plan.name, plan)
        result.append(replace(plan, ask=widest(plan.ask, then.ask)))
    return result
