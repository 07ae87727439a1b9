"""Resources as the store keeps them, in memory: made by the kinds' own plans, written by the loop's own outcomes."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from adapters.easymaker.catalogue import Catalogue
from adapters.easymaker.kinds import KIND_BY_NAME
from adapters.easymaker.kinds.kind import Planning, Site, require_ready
from adapters.easymaker.kinds.record import Family, Goal, Json, NewRecord, Record
from adapters.easymaker.reconcile.decide import Act
from adapters.easymaker.reconcile.look import Look

SITE = Site("test", "http://127.0.0.1", "127.0.0.1")


@dataclass
class Rows:
    """Of one appkey."""

    appkey: str
    catalogue: Catalogue
    records: dict[str, Record] = field(default_factory=dict[str, Record])
    links: dict[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict[str, Mapping[str, tuple[str, ...]]])
    history: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def create(self, kind_name: str, body: Json) -> list[NewRecord]:
        """As a request does; the first is the resource itself, the others are its parts."""
        kind = KIND_BY_NAME[kind_name]
        checked = kind.create_body.model_validate(body)
        references = kind.references(checked)
        for reference in references:
            require_ready(kind, reference, self.records[reference.id])
        around = {reference.id: self.family(reference.id) for reference in references}
        planned = kind.plan(checked, Planning(self.catalogue, SITE, lambda: str(uuid.uuid4()), around))
        for new in planned:
            self.put(self._record(new), new.links)
        return list(planned)

    def put(self, record: Record, links: Mapping[str, tuple[str, ...]]) -> None:
        self.records[record.id] = record
        self.links[record.id] = links
        self.history[record.id] = [record.status]

    def family(self, resource_id: str) -> Family:
        """With everything around it as it is now."""
        refs = {
            role: tuple(self.records[target] for target in targets if target in self.records)
            for role, targets in self.links[resource_id].items()
        }
        sources: dict[str, tuple[Record, ...]] = {}
        for source_id, links in self.links.items():
            source = self.records.get(source_id)
            if source is not None and any(resource_id in targets for targets in links.values()):
                sources[source.kind] = (*sources.get(source.kind, ()), source)
        return Family(self.records[resource_id], refs, sources)

    def change(self, resource_id: str, **values: Any) -> None:
        """Set fields of the record, whatever rules there are for them."""
        self.records[resource_id] = replace(self.records[resource_id], **values)

    def delete(self, resource_id: str) -> None:
        """As a request does: with the resource go its parts."""
        record = self.records[resource_id]
        for other_id in list(self.records):
            owners = {link.role for link in KIND_BY_NAME[self.records[other_id].kind].links if link.owner}
            if any(resource_id in targets for role, targets in self.links[other_id].items() if role in owners):
                self.delete(other_id)
        deleting = KIND_BY_NAME[record.kind].lifecycle.deleting
        self.change(resource_id, goal=Goal.ABSENT, status=deleting)
        self.history[resource_id].append(deleting)

    def act(self, resource_id: str, path: str, body: Json | None = None) -> None:
        """As a request does: one of the kind's actions."""
        family = self.family(resource_id)
        action = next(each for each in KIND_BY_NAME[family.record.kind].actions if each.path == path)
        for change in action.apply(family, action.body.model_validate(body) if action.body else None):
            if change.goal is Goal.ABSENT:
                self.delete(change.id)
                continue
            record = self.records[change.id]
            status, goal = change.status or record.status, change.goal or record.goal
            self.change(change.id, spec=record.spec | change.spec, status=status, goal=goal)
            self.history[change.id].append(status)

    def write(self, resource_id: str, seen: Look) -> None:
        """What the loop writes down after a look."""
        decision, record = seen.decision, self.records[resource_id]
        if decision.act is Act.FORGET:
            del self.records[resource_id]
            return
        allowed = KIND_BY_NAME[record.kind].lifecycle.allows(record.status, decision.status)
        assert allowed, f"{record.kind}: {record.status} cannot become {decision.status} ({decision.reason})"
        if decision.status != record.status:
            self.history[resource_id].append(decision.status)
        self.change(
            resource_id,
            status=decision.status,
            reason=decision.reason,
            state=record.state | seen.detail,
            attempts=seen.attempts,
            version=record.version + 1,
        )

    def _record(self, new: NewRecord) -> Record:
        now = datetime.now(UTC)
        return Record(
            id=new.id,
            kind=new.kind,
            appkey=self.appkey,
            name=new.name,
            description=new.description,
            status=new.status,
            reason="",
            goal=Goal.PRESENT,
            spec=new.spec,
            state=new.state,
            created_by="test",
            created_at=now,
            updated_at=now,
            version=1,
        )
