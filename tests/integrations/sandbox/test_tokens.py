import base64
import json

import pytest


def claims_of(jwt):
    middle = jwt.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))


def test_api_key_has_the_claims_of_a_real_one(company):
    claims = claims_of(company.api_key)

    assert sorted(claims) == ["aud", "cid", "iat", "iss", "jti", "sub"]
    assert (claims["iss"], claims["aud"]) == ("https://pts-api.procountor.com", "flashnodeClient")
    assert (claims["cid"], claims["sub"]) == (company.id, company.user_id)


def test_token_lasts_an_hour_and_belongs_to_the_keys_company(api, company):
    answer = api.token().json()

    claims = claims_of(answer["access_token"])
    assert answer["expires_in"] == 3600
    assert (claims["exp"] - claims["iat"], claims["cid"]) == (3600, company.id)
    assert claims["jti"] == claims_of(company.api_key)["jti"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"client_id": "another"}, 401),
        ({"client_secret": "wrong"}, 401),
        ({"client_secret": None}, 401),
        ({"api_key": "wrong"}, 401),
        ({"api_key": None}, 401),
        ({"redirect_uri": "https://elsewhere.example"}, 401),
        ({"redirect_uri": None}, 200),
        ({"grant_type": "password"}, 400),
    ],
)
def test_token_request_with_one_change_gets_its_status(api, change, status):
    answer = api.token(**change)

    assert answer.status_code == status
    assert status == 200 or answer.json()["errors"][0]["status"] == status


def test_redirect_uri_can_be_required(api, sandbox):
    sandbox.requires_redirect_uri = True

    assert api.token(redirect_uri=None).status_code == 401


def test_charset_in_the_token_requests_content_type_is_refused(api, server):
    answer = api.session.post(
        f"{server.base_url}/oauth/token",
        data="grant_type=client_credentials",
        headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        timeout=10,
    )

    assert answer.status_code == 415


def test_credentials_in_the_url_are_refused(api, server):
    url = f"{server.base_url}/oauth/token?client_secret=x"

    assert api.session.post(url, data={"grant_type": "x"}, timeout=10).status_code == 400


def test_revoked_key_gets_no_token_but_a_live_token_goes_on(api, company):
    company.revoke()

    assert api.token().status_code == 401
    assert api.get("/sessioninfo").status_code == 200


def test_new_key_after_revocation_gets_a_token(api, company):
    company.revoke()
    company.new_api_key()

    assert api.token().status_code == 200


def test_key_made_for_another_client_is_refused_and_not_kept(api, company):
    key = company.new_api_key(client_id="anotherClient")

    assert api.token(api_key=key).status_code == 401
    assert (claims_of(key)["aud"], company.api_key == key) == ("anotherClient", False)


def test_expired_token_is_unauthorized(make_api, sandbox, company):
    sandbox.token_lifetime_seconds = 0
    api = make_api(company)

    answer = api.get("/sessioninfo")

    assert answer.status_code == 401
    assert answer.json() == {"errors": [{"status": 401, "message": "Unauthorized"}]}


@pytest.mark.parametrize("header", [None, "Bearer nonsense", "Basic abc", ""])
def test_call_without_a_known_token_is_unauthorized(api, header):
    api.session.headers["Authorization"] = header

    assert api.get("/company").status_code == 401


def test_log_out_ends_the_token(api, server):
    api.session.post(f"{server.address}/logout", timeout=10)

    assert api.get("/sessioninfo").status_code == 401


def test_secrets_are_in_no_repr(sandbox, company):
    shown = repr((sandbox, company, company._issuer))

    assert company.api_key not in shown
    assert sandbox.client_secret not in shown
