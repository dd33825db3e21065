from .definition import (
    Grid as Grid,
    Study as Study,
    read_study as read_study,
)
from .page import write_report as write_report
from .run import (
    Standing as Standing,
    open_study as open_study,
    records_frame as records_frame,
    run_study as run_study,
    study_status as study_status,
)
from .runner import run_tasks as run_tasks
from .store import (
    Record as Record,
    Store as Store,
)
from .supervisor import Limits as Limits
from .task import (
    Plan as Plan,
    Task as Task,
    say as say,
)
