"""IAM as far as a launcher asks it: without faults every role exists and trusts SageMaker, and all is allowed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from urllib.parse import quote
from xml.sax.saxutils import escape

from sagemaker_rehearsal.faults import Faults

_NAMESPACE = "https://iam.amazonaws.com/doc/2010-05-08/"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def answer_iam(form: Mapping[str, str], faults: Faults) -> tuple[int, str] | None:
    """Answer GetRole or SimulatePrincipalPolicy.

    Args:
        form: The parameters of the request, in the form of the query protocol.
        faults: What is denied and missing.

    Returns:
        HTTP status and XML. None for other operations.
    """
    answers: dict[str, Callable[[Mapping[str, str], Faults], str]] = {
        "GetRole": _get_role,
        "SimulatePrincipalPolicy": _simulate,
    }
    operation = form.get("Action", "")
    if operation not in answers:
        return None
    if faults.is_denied(f"iam:{operation}"):
        return 403, _build_error("AccessDenied", f"User is not authorized to perform: iam:{operation}")
    if operation == "GetRole" and faults.get_role_state(form["RoleName"]) == "missing":
        return 404, _build_error("NoSuchEntity", f"The role with name {form['RoleName']} cannot be found.")
    body = answers[operation](form, faults)
    result = f"<{operation}Result>{body}</{operation}Result>"
    return 200, f'<{operation}Response xmlns="{_NAMESPACE}">{result}</{operation}Response>'


def _get_role(form: Mapping[str, str], faults: Faults) -> str:
    name = escape(form["RoleName"])
    trust = _TRUST if faults.get_role_state(form["RoleName"]) != "distrustful" else {"Version": "2012-10-17"}
    return (
        f"<Role><Path>/</Path><RoleName>{name}</RoleName><RoleId>AROAREHEARSALREHEARSAL</RoleId>"
        f"<Arn>arn:aws:iam::123456789012:role/{name}</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate>"
        f"<AssumeRolePolicyDocument>{quote(json.dumps(trust))}</AssumeRolePolicyDocument></Role>"
    )


def _simulate(form: Mapping[str, str], faults: Faults) -> str:
    actions = [value for key, value in form.items() if key.startswith("ActionNames.member.")]
    members = (
        f"<member><EvalActionName>{action}</EvalActionName>"
        f"<EvalDecision>{'implicitDeny' if faults.is_denied(action) else 'allowed'}</EvalDecision></member>"
        for action in actions
    )
    return f"<IsTruncated>false</IsTruncated><EvaluationResults>{''.join(members)}</EvaluationResults>"


def _build_error(code: str, message: str) -> str:
    error = f"<Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message>"
    return f"<ErrorResponse><Error>{error}</Error><RequestId>rehearsal</RequestId></ErrorResponse>"
