from .files import read_scenarios as read_scenarios
from .files import save_scenarios as save_scenarios
from .generate import generate_scenarios as generate_scenarios
from .measured import measured_year as measured_year
from .model import ScenarioSet as ScenarioSet
from .model import validate_scenarios as validate_scenarios
from .profile import (
    HourlyProfile as HourlyProfile,
)
from .profile import (
    bundled_year as bundled_year,
)
from .profile import (
    read_profile as read_profile,
)
from .profile import (
    save_profile as save_profile,
)
from .pvwatts import PVWattsOptions as PVWattsOptions
