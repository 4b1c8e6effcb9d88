"""Every option of the launcher, as `hydra.launcher.<option>`. launchers/README.md explains each at length."""

from dataclasses import dataclass, field
from typing import Any, Optional


@dataclass
class RehearsalConf:
    """How the stand-in runs jobs; none of it matters on AWS."""

    processes_per_host: int = 1  # a laptop is not eight GPUs
    toolkit: Optional[str] = None  # a Python with sagemaker-training: its `train` command runs the jobs
    quotas: dict[str, int] = field(default_factory=dict)  # {instance type: instances}, to see a sweep wait for slots
    faults: Optional[str] = None  # a JSON file of faults, to see a sweep live through them


@dataclass
class SageMakerLauncherConf:
    _target_: str = "hydra_plugins.sagemaker_launcher.launcher.SageMakerLauncher"

    # --- where
    service: str = "aws"  # aws, or rehearsal: a stand-in on this machine, no account needed
    region: Optional[str] = None  # null: as AWS_REGION or the profile says
    profile: Optional[str] = None  # a profile of ~/.aws; null: boto3's usual order
    role_arn: Optional[str] = None  # the role that the jobs take on; null: SAGEMAKER_ROLE_ARN
    bucket: Optional[str] = None  # null: sagemaker-<region>-<account>, made if it is not there
    prefix: str = "hydra-sagemaker"  # all of the launcher's keys in the bucket stand under it
    rehearsal: RehearsalConf = field(default_factory=RehearsalConf)

    # --- what travels
    hardware_key: str = "hardware"  # the node of a member's config that says where it runs
    project_dir: Optional[str] = None  # what `include` is relative to; null: the folder of the script
    # Files that the jobs need, as .gitignore writes patterns; nothing else leaves. []: every Python and YAML file.
    include: list[str] = field(default_factory=list)
    exclude: list[str] = field(default_factory=list)
    # A requirements file for the container; {python} and {transformers} stand for the image's: reqs/{python}.txt
    requirements: Optional[str] = None
    # {channel: config key}: a local file or folder that the key names is uploaded once, and the job sees its own copy.
    channels: dict[str, str] = field(default_factory=dict)
    input_mode: str = "File"  # or FastFile: streamed instead of copied before the start
    # Names of environment variables to pass on. They can be read by anyone who may describe the job: no secrets.
    environment: list[str] = field(default_factory=list)
    # {environment variable: ARN of a secret in Secrets Manager}, fetched inside the container.
    secrets: dict[str, str] = field(default_factory=dict)
    download_model: bool = False  # model.tar.gz into the member's directory, too

    # --- the sweep
    wait: bool = True  # false: submit and leave; come back by `resume`
    max_parallel: Optional[int] = None  # jobs at a time; null: all
    submit_interval: float = 1.0  # seconds between two submissions: CreateTrainingJob allows about one a second
    poll_interval: float = 30.0  # seconds between two looks at the jobs
    dry_run: bool = False  # print the plan with its worst-case dollars and end
    budget_usd: Optional[float] = None  # what has been spent and what running jobs may still spend stays below it
    fail_fast: bool = False  # the first failure stops the others
    on_interrupt: str = "stop"  # Ctrl-C stops the jobs; detach: leaves them running
    resume: Optional[str] = None  # a sweep directory: go on with that sweep
    retry_failed: bool = False  # with resume: submit failed and stopped members again
    on_sweep_end: Optional[str] = None  # dotted name of a function that takes the sweep's directory

    # --- the jobs
    job_name: str = "${hydra.job.name}"  # how their names begin
    checkpoints: bool = True  # <container>/checkpoints is kept in S3: a spot restart goes on from it
    spot_max_wait_hours: float = 24.0  # with hardware.spot: run and wait together; at least max_hours
    retry_attempts: int = 2  # SageMaker's own restarts after an InternalServerError; 0: none
    keep_alive_seconds: int = 0  # a warm pool costs money while it waits; 0: none
    kms_key: Optional[str] = None  # for volumes and everything in S3; null: AWS's own keys
    subnets: list[str] = field(default_factory=list)  # with security_group_ids: jobs run in your VPC
    security_group_ids: list[str] = field(default_factory=list)
    network_isolation: bool = False  # no network in the container: weights and data by channels, no requirements
    encrypt_traffic: bool = False  # between the instances of one job
    tags: dict[str, str] = field(default_factory=dict)
    request: dict[str, Any] = field(default_factory=dict)  # laid over CreateTrainingJob, for whatever else it can
