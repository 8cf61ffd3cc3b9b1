"""Makes the world match the run, again and again: `handle` what happened, send what should be out, show
what should be seen, and `sweep` up what a crash or a lost message left behind.

Level-triggered: nothing here remembers what was done. Whoever comes next loads the run, compares, goes on.
A transition is committed before anything outside is told of it; a task that was committed and never sent
is one whose lease runs out. It knows Slack, SQL and queues only as ports.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

import structlog

from bot import planner, traces
from bot.briefing import Briefing, address
from bot.decide import decide, may_begin, tasks, wakes
from bot.patience import CaughtUp, Patience
from bot.places import Places
from bot.ports import Clock, Conflict, RunStore, StoreDown, ThreadView, Transport
from bot.run import (
    PLAN,
    Event,
    LeaseLost,
    Proposal,
    ProposalDecided,
    Proposed,
    Request,
    Run,
    StepState,
    ThreadLost,
    Tick,
    TurnCame,
    new_run,
)
from bot.sending import Sending
from bot.watch import UNWATCHED, Watch
from workers.kit import wire
from workers.kit.crashpoints import Crash, no_crash
from workers.kit.ending import what
from workers.kit.tracing import UNTRACED, Tracing

log = structlog.get_logger(__name__)

Ended = Callable[[Run], Awaitable[None]]


async def _nobody_waits(run: Run) -> None:
    pass


@contextmanager
def _alone(run_id: str) -> Iterator[None]:
    """What fails in one run stops the look at no other, but where the store is away from all."""
    try:
        yield
    except StoreDown:
        raise
    except Exception as error:
        log.error("a run cannot be looked after", run=run_id, **what(error))


class Orchestrator:
    def __init__(
        self,
        store: RunStore,
        transport: Transport,
        threads: ThreadView,
        briefing: Briefing,
        *,
        clock: Clock,
        lease_seconds: float = 0.0,
        crash: Crash = no_crash,
        caught_up: CaughtUp | None = None,
        watch: Watch = UNWATCHED,
        tracing: Tracing = UNTRACED,
    ) -> None:
        """`lease_seconds`: 0 where the store's leases need no care (simulations). `caught_up`: with a broker,
        whether the reports that wait there are handled."""
        self._store, self._transport, self._threads = store, transport, threads
        self._briefing, self._clock, self._crash = briefing, clock, crash
        self._watch, self._tracing = watch, tracing
        self._patience = Patience(clock, lease_seconds, caught_up)
        self._closing = False
        self.on_end: Ended = _nobody_waits  # hears of runs that ended; best effort, a crash may swallow it
        self._sending = Sending(
            store,
            transport,
            briefing,
            self.handle,
            clock=clock,
            lease_seconds=lease_seconds,
            crash=crash,
            tracing=tracing,
        )
        self._places = Places(store, self._send_steps, self.handle)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._background: set[asyncio.Task[None]] = set()

    async def begin(
        self,
        workspace: str,
        run_id: str,
        request: Request,
        at: float = 0.0,
        *,
        proposal: Proposal | None = None,
        lost: str = "",
    ) -> Run:
        """A run for this request. Its id names the request, so one that comes again finds its run. `at`: when
        it was asked, in seconds since the epoch; 0: now. `proposal`: it asks for this schedule. `lost`: why
        nothing can be done for it, a sentence that its owner is told."""
        async with self._lock(f"{workspace}/{request.channel}/{request.thread_ts or run_id}"):
            run = new_run(run_id, workspace, request, at or self._clock(), proposal=proposal)
            if lost:
                run = decide(run, ThreadLost(lost), self._clock())
            elif turn := await self._turn(run):
                run = decide(run, turn, self._clock())
            try:
                saved = await self._store.save(None, run)
            except Conflict:
                return await self._store.load(workspace, run_id) or run
        self._watch.changed(None, saved, None)
        traces.begun(self._tracing, saved)
        self._reconcile(None, saved)
        return saved

    async def handle(self, workspace: str, run_id: str, event: Event) -> Run | None:
        """What happened to a run, decided, committed and carried out. None: there is no such run here."""
        async with self._lock(f"{workspace}/{run_id}"):
            fresh = False
            while True:
                run = await self._store.load(workspace, run_id, fresh=fresh)
                if run is None:
                    return None
                after = decide(run, event, self._clock())
                if after is run and fresh:
                    return run
                if after is run:
                    fresh = True  # another bot may have been ahead of what this one remembers
                    continue
                try:
                    saved = await self._store.save(run, after)
                except Conflict:
                    continue  # another bot was first: decide again on what it left
                break
        self._watch.changed(run, saved, event)
        self._reconcile(run, saved)
        return saved

    async def report(self, report: wire.Report) -> bool:
        """What a worker process says. Stale reports change nothing: `decide` fences them. False: it may not
        begin what it says it begins."""
        if isinstance(report, wire.Beat):
            await self._store.renew(report)
            return True
        event: Event = report
        if isinstance(report, wire.Finished) and report.step == PLAN:
            self._crash("K5")
            run = await self._store.load(report.workspace, report.run)
            if run is None:
                return True
            event = await self._briefing.plan_of(run, report)
            if isinstance(event, Proposed):
                there = await self._thread(run)
                event = replace(event, proposal=planner.recalled(event.proposal, there, run.request.by))
        with traces.handling(self._tracing, report):
            after = await self.handle(report.workspace, report.run, event)
        if isinstance(report, wire.Finished):
            self._crash("K13")
        return after is not None and may_begin(after, report) if isinstance(report, wire.Started) else True

    async def sweep(self) -> None:
        """Looks for what nobody is working on any more. Safe in any number of bots at once."""
        if not await self._patience.lasts():
            for lost in await self._store.lost_leases():
                log.info("lease lost", run=lost.run, step=lost.step, attempt=lost.attempt)
                with _alone(lost.run):
                    await self.handle(lost.workspace, lost.run, LeaseLost(lost.step, lost.attempt))
        if not self._closing:
            await self._places.give()
            await self._places.tell()
        for workspace, run_id in await self._store.due():
            with _alone(run_id):
                await self._look_after(workspace, run_id)
        self._patience.looked()

    async def _look_after(self, workspace: str, run_id: str) -> None:
        """Its turn may have come, or a time it waits for, or its thread is behind."""
        run = await self._store.load(workspace, run_id)
        if run is None:
            return
        if run.status == "queued":
            await self._take_turn(run)
            return
        wake = wakes(run)
        if wake is not None and wake <= self._clock():
            run = await self.handle(workspace, run_id, Tick()) or run
        self._threads.show(run)

    async def drain(self, seconds: float) -> None:
        """Sends nothing new; waits for what is on its way out, this long at most. What is left, whoever
        sweeps next takes up: at once, where it is known that it was not sent."""
        self._closing = self._sending.closing = True
        if self._background:
            await asyncio.wait(self._background, timeout=seconds)

    def _lock(self, name: str) -> asyncio.Lock:
        return self._locks.setdefault(name, asyncio.Lock())

    async def _thread(self, run: Run) -> Sequence[Run]:
        """The runs of its thread, oldest first; none before there is one."""
        where = run.request
        if not where.thread_ts:
            return ()
        return await self._store.thread_runs(run.workspace, where.channel, where.thread_ts)

    async def _turn(self, run: Run) -> TurnCame | None:
        """None while an earlier run is on in the same thread."""
        there = await self._thread(run)
        earlier = [r for r in there if r.id != run.id and (r.created_at, r.id) < (run.created_at, run.id)]
        free = all(r.ended or r.resting for r in earlier)
        return TurnCame(planner.history(earlier)) if free else None

    async def _take_turn(self, run: Run) -> None:
        async with self._lock(f"{run.workspace}/{run.request.channel}/{run.request.thread_ts or run.id}"):
            if turn := await self._turn(run):
                await self.handle(run.workspace, run.id, turn)
            else:
                self._threads.show(run)

    def _reconcile(self, before: Run | None, run: Run) -> None:
        known = {(s.id, s.attempt) for s in tasks(before)} if before else set()
        ends_now = run.ended and not (before and before.ended)
        if ends_now:
            self._crash("K14")
        self._threads.show(run)
        for state in tasks(run):
            if (state.id, state.attempt) not in known:
                self._spawn(self._let_go(run, state) if self._closing else self._sending.send(run, state))
        if not self._closing and self._places.moved(before, run):
            self._spawn(self._places.give())
        if run.proposed and not (before and before.proposed):
            self._spawn(self._replace_cards(run))
        if ends_now:
            log.info("run ended", run=run.id, status=run.status, steps=len(run.work))
            self._spawn(self._after_end(run))

    async def _let_go(self, run: Run, state: StepState) -> None:
        """It has not been sent: whoever sweeps next need not wait for its lease to do so."""
        await self._store.renew(wire.Address(**address(run, state)), 0.0)

    def _send_steps(self, run: Run, steps: set[str]) -> None:
        """These waited in line, and have their places now."""
        self._threads.show(run)
        for state in tasks(run):
            if state.id in steps:
                self._spawn(self._sending.send(run, state))

    async def _replace_cards(self, run: Run) -> None:
        """One open card a thread and person: the newest is what they mean now."""
        for other in await self._thread(run):
            if other.proposed and other.request.by == run.request.by and other.created_at < run.created_at:
                await self.handle(run.workspace, other.id, ProposalDecided(by="", yes=False))

    async def _after_end(self, run: Run) -> None:
        if run.status in ("stopped", "lost"):
            await self._transport.cancel(run.workspace, run.id)
        if waiting := next((r for r in await self._thread(run) if r.status == "queued"), None):
            await self._take_turn(waiting)
        await self.on_end(run)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._quietly(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _quietly(self, work: Coroutine[Any, Any, None]) -> None:
        """What fails here is found again by the sweep: its lease runs out, its turn is still due."""
        try:
            await work
        except StoreDown as error:
            log.warning("the store is away; the sweep goes on from here", error=str(error))
        except Exception:
            log.exception("a background piece failed; the sweep goes on from here")
