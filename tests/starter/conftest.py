"""The generated company and a server over it, once for all tests."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from company import Company  # noqa: E402
from starter_server import freshet  # noqa: E402


@pytest.fixture(scope="session")
def company(tmp_path_factory):
    return Company(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="session")
def server(company):
    with freshet.Server(company.model, company.data) as server:
        yield server
