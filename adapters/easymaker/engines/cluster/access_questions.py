"""Asking a cluster what an account may do, without doing it."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from adapters.easymaker.engines.cluster.api_resources import ACCESS_REVIEW, SELF_ACCESS_REVIEW
from adapters.easymaker.engines.cluster.api_server import ApiServer
from adapters.easymaker.engines.cluster.permissions import Permission
from adapters.easymaker.kinds.record import Json

REVIEWS_AT_ONCE = 8


@dataclass(frozen=True)
class Question:
    """May ``account`` (None: whoever asks) do this, in the namespace or (None) in all?"""

    permission: Permission
    verb: str
    namespace: str | None

    def attributes(self) -> Json:
        resource, _, subresource = self.permission.resource.partition("/")
        found = {"group": self.permission.group, "resource": resource, "verb": self.verb}
        found |= {"subresource": subresource} if subresource else {}
        return found | ({"namespace": self.namespace} if self.namespace else {})


def denied(server: ApiServer, questions: Iterable[Question], account: str | None = None) -> list[Question]:
    """Those to which the cluster says no. ``account`` is NAMESPACE/NAME of a service account.

    Raises:
        EngineError: it does not answer.
    """

    def refused(question: Question) -> bool:
        spec: Json = {"resourceAttributes": question.attributes()}
        if account is None:
            review = server.create(SELF_ACCESS_REVIEW, {"spec": spec})
        else:
            review = server.create(ACCESS_REVIEW, {"spec": spec | _identity(account)})
        return (review.get("status") or {}).get("allowed") is not True

    asked = list(questions)
    with ThreadPoolExecutor(REVIEWS_AT_ONCE) as pool:
        return [question for question, no in zip(asked, pool.map(refused, asked), strict=True) if no]


def _identity(account: str) -> Json:
    namespace, _, name = account.partition("/")
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
    return {"user": f"system:serviceaccount:{namespace}:{name}", "groups": groups}
