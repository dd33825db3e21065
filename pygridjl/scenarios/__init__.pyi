from .files import read_scenarios as read_scenarios, save_scenarios as save_scenarios
from .generate import generate_scenarios as generate_scenarios
from .load_factors import (
    LoadDraws as LoadDraws,
    LoadModel as LoadModel,
    loads_from_data as loads_from_data,
    read_loads as read_loads,
    two_factor_loads as two_factor_loads,
    with_generation as with_generation,
)
from .load_states import (
    LoadStates as LoadStates,
    load_states as load_states,
    read_load_states as read_load_states,
)
from .measured import measured_year as measured_year
from .model import ScenarioSet as ScenarioSet, validate_scenarios as validate_scenarios
from .profile import (
    HourlyProfile as HourlyProfile,
    bundled_year as bundled_year,
    read_profile as read_profile,
    save_profile as save_profile,
)
from .pvwatts import PVWattsOptions as PVWattsOptions
