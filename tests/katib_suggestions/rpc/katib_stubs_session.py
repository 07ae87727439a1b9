"""Run in an environment with kubeflow-katib: plays Katib's controller and DB manager with Katib's own message classes.

Its arguments are what to do, an address and a directory; it prints one JSON document. It imports nothing of ours.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf import descriptor_pb2, json_format
from kubeflow.katib import katib_api_pb2 as api
from kubeflow.katib import katib_api_pb2_grpc as services

SECONDS = 120


def descriptor(*_):
    """The whole interface, as Katib has it."""
    message = descriptor_pb2.FileDescriptorProto()
    api.DESCRIPTOR.CopyToProto(message)
    return json_format.MessageToDict(message)


def experiment(algorithm="random", **settings):
    double = api.FeasibleSpace(min="0.0001", max="0.1", distribution=api.LOG_UNIFORM)
    parameters = [
        api.ParameterSpec(name="lr", parameter_type=api.DOUBLE, feasible_space=double),
        api.ParameterSpec(name="layers", parameter_type=api.INT, feasible_space=api.FeasibleSpace(min="1", max="9")),
        api.ParameterSpec(
            name="opt", parameter_type=api.CATEGORICAL, feasible_space=api.FeasibleSpace(list=["a", "b"])
        ),
    ]
    return api.Experiment(
        name="tune",
        spec=api.ExperimentSpec(
            parameter_specs=api.ExperimentSpec.ParameterSpecs(parameters=parameters),
            objective=api.ObjectiveSpec(type=api.MAXIMIZE, objective_metric_name="accuracy"),
            algorithm=api.AlgorithmSpec(
                algorithm_name=algorithm,
                algorithm_settings=[api.AlgorithmSetting(name=name, value=value) for name, value in settings.items()],
            ),
            early_stopping=api.EarlyStoppingSpec(
                algorithm_name="medianstop",
                algorithm_settings=[api.EarlyStoppingSetting(name="start_step", value="2")],
            ),
            parallel_trial_count=3,
            max_trial_count=12,
        ),
    )


def trial(name, assignments, condition):
    spec = api.TrialSpec(parameter_assignments=api.TrialSpec.ParameterAssignments(assignments=assignments))
    metrics = [api.Metric(name="accuracy", value="0.5")] if condition == api.TrialStatus.SUCCEEDED else []
    status = api.TrialStatus(condition=condition, observation=api.Observation(metrics=metrics))
    return api.Trial(name=name, spec=spec, status=status)


def status_of(call, request):
    try:
        call(request, timeout=SECONDS, wait_for_ready=True)
    except grpc.RpcError as error:
        return [error.code().name, error.details()]
    return ["OK", ""]


def suggestions(address, _):
    """A whole experiment: three at a time, until twelve have been given."""
    with grpc.insecure_channel(address) as channel:
        stub = services.SuggestionStub(channel)
        answers = {
            "valid": status_of(
                stub.ValidateAlgorithmSettings, api.ValidateAlgorithmSettingsRequest(experiment=experiment())
            ),
            "unknown": status_of(
                stub.ValidateAlgorithmSettings,
                api.ValidateAlgorithmSettingsRequest(experiment=experiment("random", wrong="1")),
            ),
        }
        trials, batches = [], []
        while len(trials) < 12:
            reply = stub.GetSuggestions(
                api.GetSuggestionsRequest(
                    experiment=experiment(random_state="3"),
                    trials=trials,
                    current_request_number=3,
                    total_request_number=len(trials) + 3,
                ),
                timeout=SECONDS,
            )
            batches.append(len(reply.parameter_assignments))
            trials = [trial(each.name, each.spec.parameter_assignments.assignments, 2) for each in trials]
            trials += [
                trial(f"tune-{len(trials) + n}", each.assignments, api.TrialStatus.RUNNING)
                for n, each in enumerate(reply.parameter_assignments)
            ]
        points = [{a.name: a.value for a in each.spec.parameter_assignments.assignments} for each in trials]
        return answers | {"batches": batches, "points": points}


class DbManager(services.DBManagerServicer):
    LOGS = {"t0": ["0.1", "0.3", "9"], "t1": ["0.4", "0.4"], "t2": ["unavailable"], "t3": ["0.9"]}

    def GetObservationLog(self, request, context):  # noqa: N802
        logs = [
            api.MetricLog(time_stamp="2026-01-01T00:00:00Z", metric=api.Metric(name=request.metric_name, value=value))
            for value in self.LOGS.get(request.trial_name, [])
        ]
        return api.GetObservationLogReply(observation_log=api.ObservationLog(metric_logs=logs))


def early_stopping(address, directory):
    server = grpc.server(ThreadPoolExecutor(4))
    services.add_DBManagerServicer_to_server(DbManager(), server)
    db = f"unix:{directory}/db"
    server.add_insecure_port(db)
    server.start()
    assignments = [api.ParameterAssignment(name=n, value=v) for n, v in (("lr", "0.01"), ("layers", "2"), ("opt", "a"))]
    trials = [trial(f"t{n}", assignments, api.TrialStatus.SUCCEEDED) for n in range(4)]
    with grpc.insecure_channel(address) as channel:
        stub = services.EarlyStoppingStub(channel)
        valid = status_of(
            stub.ValidateEarlyStoppingSettings,
            api.ValidateEarlyStoppingSettingsRequest(early_stopping=experiment().spec.early_stopping),
        )
        request = api.GetEarlyStoppingRulesRequest(experiment=experiment(), trials=trials, db_manager_address=db)
        reply = stub.GetEarlyStoppingRules(request, timeout=SECONDS)
        status = status_of(stub.SetTrialStatus, api.SetTrialStatusRequest(trial_name="t0"))
    server.stop(0)
    rules = [
        {"name": each.name, "value": each.value, "less": each.comparison == api.LESS, "start_step": each.start_step}
        for each in reply.early_stopping_rules
    ]
    return {"valid": valid, "rules": rules, "status": status}


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    print(
        json.dumps(
            {"descriptor": descriptor, "suggestions": suggestions, "early_stopping": early_stopping}[what](*rest)
        )
    )
