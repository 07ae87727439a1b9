"""Other optimisers behind one small protocol, run in environments of their own; this file imports nothing of ours.

Lines of JSON on standard input: first {"optimiser", "seed", "parameters"}, then {"ask": true}, answered with
{"id", "assignments"}, or {"tell": [id, value]}. They are set up as Katib's services of that name set them up, except
gp, which is optuna's own default for deterministic objectives.
"""

import json
import sys


class Optuna:
    def __init__(self, optimiser, seed, parameters):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        samplers = optuna.samplers
        sampler = {
            "random": lambda: samplers.RandomSampler(seed=seed),
            "tpe": lambda: samplers.TPESampler(seed=seed, constant_liar=True, multivariate=False),
            "multivariate-tpe": lambda: samplers.TPESampler(seed=seed, constant_liar=True, multivariate=True),
            "gp": lambda: samplers.GPSampler(seed=seed, deterministic_objective=True),
        }[optimiser]()
        self.study = optuna.create_study(sampler=sampler)
        self.space = {}
        for each in parameters:
            log = each["distribution"] == "logUniform"
            if each["type"] == "double":
                box = optuna.distributions.FloatDistribution(float(each["min"]), float(each["max"]), log=log)
            elif each["type"] == "int":
                box = optuna.distributions.IntDistribution(int(each["min"]), int(each["max"]), log=log)
            else:
                box = optuna.distributions.CategoricalDistribution(each["list"])
            self.space[each["name"]] = box

    def ask(self):
        trial = self.study.ask(self.space)
        return trial.number, trial.params

    def tell(self, number, value):
        self.study.tell(number, value)


class Hyperopt:
    """TPE as Katib's service drives it: from the first result on, and blind to what is under way."""

    def __init__(self, optimiser, seed, parameters):
        import hyperopt
        import numpy

        self.hyperopt, self.random = hyperopt, numpy.random.default_rng(seed)
        hp = hyperopt.hp
        space, self.read = {}, {}
        for each in parameters:
            name = each["name"]
            if each["type"] == "double":
                low, high = float(each["min"]), float(each["max"])
                log = each["distribution"] == "logUniform"
                space[name] = hp.loguniform(name, *numpy.log([low, high])) if log else hp.uniform(name, low, high)
                self.read[name] = float
            elif each["type"] == "int":
                space[name] = hp.uniformint(name, int(each["min"]), int(each["max"]))
                self.read[name] = int
            else:
                space[name] = hp.choice(name, each["list"])
                self.read[name] = lambda place, values=each["list"]: values[int(place)]
        self.domain = hyperopt.Domain(lambda _: 0.0, space)
        self.trials = hyperopt.Trials()

    def ask(self):
        ids = self.trials.new_trial_ids(1)
        seed = int(self.random.integers(2**31 - 1))
        algorithm = self.hyperopt.tpe.suggest if len(self.trials.trials) else self.hyperopt.rand.suggest
        more = {"n_startup_jobs": 1} if len(self.trials.trials) else {}
        document = algorithm(ids, self.domain, self.trials, seed, **more)[0]
        self.asked = {**getattr(self, "asked", {}), ids[0]: document}
        return ids[0], {name: self.read[name](values[0]) for name, values in document["misc"]["vals"].items()}

    def tell(self, number, value):
        document = self.asked.pop(number)
        document["state"] = self.hyperopt.JOB_STATE_DONE
        document["result"] = {"loss": value, "status": self.hyperopt.STATUS_OK}
        self.trials.insert_trial_docs([document])
        self.trials.refresh()


class Skopt:
    def __init__(self, optimiser, seed, parameters):
        import numpy
        from skopt import Optimizer
        from skopt.space import Categorical, Integer, Real

        # skopt 0.10 still asks for a name that numpy has dropped.
        numpy.__dict__.setdefault("int", int)
        self.names = [each["name"] for each in parameters]
        space = []
        for each in parameters:
            if each["type"] == "double":
                log = "log-uniform" if each["distribution"] == "logUniform" else "uniform"
                space.append(Real(float(each["min"]), float(each["max"]), log))
            elif each["type"] == "int":
                space.append(Integer(int(each["min"]), int(each["max"])))
            else:
                space.append(Categorical(each["list"]))
        self.optimizer = Optimizer(space, base_estimator="GP", n_initial_points=10, random_state=seed)
        self.asked = []

    def ask(self):
        self.asked.append(self.optimizer.ask())
        plain = [getattr(value, "item", lambda value=value: value)() for value in self.asked[-1]]
        return len(self.asked) - 1, dict(zip(self.names, plain, strict=True))

    def tell(self, number, value):
        self.optimizer.tell(self.asked[number], value)


FAMILIES = {"optuna": Optuna, "hyperopt": Hyperopt, "skopt": Skopt}


def main():
    first = json.loads(sys.stdin.readline())
    family, _, optimiser = first["optimiser"].partition("-")
    peer = FAMILIES[family](optimiser, first["seed"], first["parameters"])
    for line in sys.stdin:
        asked = json.loads(line)
        if "ask" in asked:
            number, assignments = peer.ask()
            print(json.dumps({"id": number, "assignments": {n: str(v) for n, v in assignments.items()}}), flush=True)
        else:
            peer.tell(*asked["tell"])


if __name__ == "__main__":
    main()
