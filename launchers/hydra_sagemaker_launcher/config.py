"""Every option of the launcher, as `hydra.launcher.<option>`. launchers/README.md explains each at length."""

from dataclasses import dataclass, field
from typing import Any, Optional


@dataclass
class RehearsalConf:
    """How the rehearsal service runs jobs. AWS ignores it."""

    processes_per_host: int = 1  # a laptop is not eight GPUs
    toolkit: Optional[str] = None  # a Python with sagemaker-training: its `train` command runs the jobs
    quotas: dict[str, int] = field(default_factory=dict)  # {instance type: instances}, to watch a sweep wait for slots
    file_systems: dict[str, str] = field(default_factory=dict)  # {id: folder here}, for channels on EFS and FSx
    faults: Optional[str] = None  # a JSON file of faults, to watch a sweep survive them


@dataclass
class SageMakerLauncherConf:
    """The launcher's options and their defaults."""

    _target_: str = "hydra_plugins.sagemaker_launcher.launcher.SageMakerLauncher"

    # --- where
    service: str = "aws"  # aws, or rehearsal: a stand-in on this machine that needs no account
    region: Optional[str] = None  # null: from AWS_REGION or the profile
    profile: Optional[str] = None  # a profile of ~/.aws. null: boto3's usual order
    role_arn: Optional[str] = None  # the role that the jobs take on. null: SAGEMAKER_ROLE_ARN
    bucket: Optional[str] = None  # null: sagemaker-<region>-<account>, created if it does not exist
    prefix: str = "hydra-sagemaker"  # how all of the launcher's keys in the bucket begin
    rehearsal: RehearsalConf = field(default_factory=RehearsalConf)

    # --- what travels
    hardware_key: str = "hardware"  # the node of a member's config that describes its machine
    project_dir: Optional[str] = None  # what `include` is relative to. null: the script's folder
    # Files that the jobs need, as .gitignore writes patterns. Nothing else leaves. []: every Python and YAML file.
    include: list[str] = field(default_factory=list)
    exclude: list[str] = field(default_factory=list)
    # A requirements file for the container. {python} and {transformers} are the image's versions: reqs/{python}.txt
    requirements: Optional[str] = None
    # Dotted name of a function: from a member's config and the versions in its image, what cannot run there.
    check_image: Optional[str] = None
    # {channel: config key}: the local file or folder that the key names is uploaded once, and the job gets a copy.
    # {channel: s3://...}: what is there already. {channel: {file_system: fs-..., ...}}: EFS or FSx for Lustre.
    channels: dict[str, Any] = field(default_factory=dict)
    input_mode: str = "File"  # or FastFile or Pipe: streamed, not copied before the start
    # Names of environment variables to pass on. Anyone who may describe the job can read them: no secrets.
    environment: list[str] = field(default_factory=list)
    # {environment variable: ARN of a secret in Secrets Manager or of an SSM parameter}. The container fetches it.
    secrets: dict[str, str] = field(default_factory=dict)
    download_model: bool = False  # also bring model.tar.gz into the member's directory
    # What is taken from one archive. Beyond it only the result is, until the limit is raised and the sweep resumed.
    archive_max_gb: float = 100.0  # compressed or not
    archive_max_files: int = 1_000_000  # files and folders

    # --- the sweep
    wait: bool = True  # false: submit and leave, and come back by `resume`
    max_parallel: Optional[int] = None  # jobs at a time. null: all
    submit_interval: float = 1.0  # seconds between two submissions: CreateTrainingJob allows about one per second
    poll_interval: float = 30.0  # seconds between two looks at the jobs
    patience_minutes: float = 60.0  # how long AWS may fail to answer before the launcher leaves its jobs running
    dry_run: bool = False  # print the plan with its worst-case dollars and exit
    budget_usd: Optional[float] = None  # a limit on what was billed plus what running jobs may still cost
    fail_fast: bool = False  # the first failure stops the others
    on_interrupt: str = "stop"  # when Ctrl-C comes: stop the jobs. detach: leave them running
    resume: Optional[str] = None  # the directory of a sweep to continue
    retry_failed: bool = False  # with resume: submit failed and stopped members again
    on_sweep_end: Optional[str] = None  # dotted name of a function that takes the sweep's directory

    # --- the jobs
    job_name: str = "${hydra.job.name}"  # how their names begin
    checkpoints: bool = True  # keep <container>/checkpoints in S3, so a spot restart continues from it
    spot_max_wait_hours: float = 24.0  # with hardware.spot: waiting and running together, at least max_hours
    retry_attempts: int = 2  # SageMaker's own restarts after an InternalServerError. 0: none
    keep_alive_seconds: int = 0  # a warm pool, which costs money while it waits. 0: none
    kms_key: Optional[str] = None  # for volumes and everything in S3. null: AWS's own keys
    subnets: list[str] = field(default_factory=list)  # with security_group_ids: jobs run in your VPC
    security_group_ids: list[str] = field(default_factory=list)
    network_isolation: bool = False  # no network in the container: weights and data by channels, no requirements
    encrypt_traffic: bool = False  # between the instances of one job
    tags: dict[str, str] = field(default_factory=dict)
    request: dict[str, Any] = field(default_factory=dict)  # laid over CreateTrainingJob, for all its other parameters
