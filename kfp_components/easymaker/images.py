"""The one place for what the components run in: their images, and what has to be installed in those.

Without kfp, because the tests of the images read it too.
"""

import os

VERSION = "0.1.0"
# At compile time: where a team keeps its copies of our images.
REGISTRY = os.environ.get("EASYMAKER_IMAGE_REGISTRY", "easymaker").rstrip("/")

# Steps that move data, call the adapter, or calculate. kfp.local warns of images without "python" in their names.
COMPONENTS = f"{REGISTRY}/python-components:{VERSION}"

# Steps that run users' programs: a training image of the catalogue, and the same requirements on top.
TRAINING = f"{REGISTRY}/python-train-components:{VERSION}"
PYTORCH = f"{REGISTRY}/pytorch-train-components:{VERSION}"
PYTORCH_GPU = f"{REGISTRY}/pytorch-train-gpu-components:{VERSION}"
TENSORFLOW = f"{REGISTRY}/tensorflow-train-components:{VERSION}"
TENSORFLOW_GPU = f"{REGISTRY}/tensorflow-train-gpu-components:{VERSION}"

# In each of them, next to this project's packages: the extra "components" of the distribution.
REQUIREMENTS = ("kfp==2.17.0", "fsspec>=2025.3", "google-re2>=1.1", "httpx>=0.28", "numpy>=2.2", "uv>=0.8")

# What the programs of the examples need; the training image of the catalogue has it.
EXAMPLE_REQUIREMENTS = ("scikit-learn==1.7.2", "numpy==2.2.6", "joblib==1.5.2")
