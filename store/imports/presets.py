"""Names of columns in the exports of other products, as far as they are publicly known.

None of them was tried on an export of the product itself: products rename their columns, and their
customers do. So a preset only proposes, the dry run shows what it made of each column, and a
mapping that is given stands above it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

PresetName = Literal["mailchimp", "brevo", "hubspot", "klaviyo", "customerio"]

PRESETS: Final[Mapping[PresetName, Mapping[str, str]]] = {
    "mailchimp": {
        "Email Address": "email",
        "First Name": "first_name",
        "Last Name": "last_name",
        "Address": "address",
        "Phone Number": "phone",
        "Birthday": "birthday",
        "MEMBER_RATING": "member_rating:number",
        "OPTIN_TIME": "consent.at:date",
        "OPTIN_IP": "consent.ip",
        "CONFIRM_TIME": "-",
        "CONFIRM_IP": "-",
        "LATITUDE": "latitude:number",
        "LONGITUDE": "longitude:number",
        "GMTOFF": "-",
        "DSTOFF": "-",
        "TIMEZONE": "timezone",
        "CC": "country",
        "REGION": "region",
        "LAST_CHANGED": "-",
        "LEID": "-",
        "EUID": "mailchimp_id",
        "NOTES": "notes",
        "TAGS": "groups",
    },
    "brevo": {
        "CONTACT ID": "brevo_id",
        "EMAIL": "email",
        "EXT_ID": "external_id",
        "FIRSTNAME": "first_name",
        "LASTNAME": "last_name",
        "SMS": "phone",
        "WHATSAPP": "-",
        "LANDLINE_NUMBER": "-",
        "CONTACT TIMEZONE": "timezone",
        "DOUBLE_OPT-IN": "-",
        "OPT_IN": "-",
        "ADDED_TIME": "-",
        "MODIFIED_TIME": "-",
    },
    "hubspot": {
        "Record ID": "hubspot_id",
        "Email": "email",
        "First Name": "first_name",
        "Last Name": "last_name",
        "Phone Number": "phone",
        "Mobile Phone Number": "-",
        "Time Zone": "timezone",
        "Preferred language": "locale",
        "Country/Region": "country",
        "Lifecycle Stage": "lifecycle",
        "HubSpot Score": "score",
        "Create Date": "-",
        "Last Activity Date": "-",
        "Contact owner": "owner",
    },
    "klaviyo": {
        "Klaviyo ID": "klaviyo_id",
        "External ID": "external_id",
        "Email": "email",
        "First Name": "first_name",
        "Last Name": "last_name",
        "Phone Number": "phone",
        "Phone": "phone",
        "Country": "country",
        "Timezone": "timezone",
        "Locale": "locale",
        "City": "city",
        "State / Region": "region",
        "Zip Code": "zip",
        "Email Marketing Consent": "-",
        "Email Marketing Consent Timestamp": "consent.at:date",
        "Profile Created On": "-",
        "Date Added": "-",
        "Last Active": "-",
    },
    "customerio": {
        "id": "external_id",
        "cio_id": "customerio_id",
        "email": "email",
        "phone": "phone",
        "timezone": "timezone",
        "language": "locale",
        "unsubscribed": "-",
        "created_at": "-",
    },
}
"""By product: the target of each column, with its type behind a colon; `-` leaves it out."""

assert PRESETS.keys() == {*get_args(PresetName)}
