"""Archives, finds, fetches and invalidates a document with a client that zeep builds from schemas/wsdl/archive.wsdl.

Usage: zeep_client.py WSDL URL CA CERTIFICATE KEY DOCUMENT Soap11|Soap12

The frame is built from what stands in the document, with zeep's types alone. Ends with "ok" on standard output; any other
ending is a failure. Prints no person's data.
"""

import base64
import sys

import requests
import zeep
from lxml import etree
from zeep.cache import InMemoryCache
from zeep.transports import Transport

V3 = "{urn:hl7-org:v3}"
FI = "{urn:hl7finland}"
RECEIVER = "1.2.246.556.18007.2"
USE_SITUATION = {"code": "1", "codeSystem": "1.2.246.537.6.1289.201901"}
REGISTER = {"code": "1", "codeSystem": "1.2.246.537.6.1264.201701"}
WORKER = {
    "id": [{"root": "1.2.246.21", "extension": "010181-900C"}],
    "assignedPerson": {"name": {"_value_1": [{"family": "Testinen"}, {"given": "Tea"}]}},
}


class Facts:
    """What the frame repeats of the document."""

    def __init__(self, document):
        root = etree.fromstring(document)

        def at(*path):
            return root.find("/".join(V3 + name for name in path))

        header = root.find(FI + "localSocialHeader")
        self.id = at("id").get("root")
        self.set_id = at("setId").get("root")
        self.version = at("versionNumber").get("value")
        self.effective_time = at("effectiveTime").get("value")
        self.group = header.find(FI + "documentGroup").get("code")
        self.custodian = at("custodian", "assignedCustodian", "representedCustodianOrganization", "id").get("root")
        encounter = ("componentOf", "encompassingEncounter", "encounterParticipant", "assignedEntity")
        self.unit = {
            "id": {"root": at(*encounter, "representedOrganization", "id").get("root")},
            "name": at(*encounter, "representedOrganization", "name").text,
        }
        role = at("recordTarget", "patientRole")
        patient = role.find(V3 + "patient")
        self.client = {"root": role.find(V3 + "id").get("root"), "extension": role.find(V3 + "id").get("extension")}
        self.record_target = {
            "typeCode": "RCT",
            "patient": {
                "classCode": "PAT",
                "id": [self.client],
                "statusCode": {"code": "normal"},
                "patientPerson": {
                    "name": {"_value_1": [{etree.QName(part).localname: part.text} for part in patient.find(V3 + "name")]},
                    "birthTime": {"value": patient.find(V3 + "birthTime").get("value")},
                },
            },
        }


class Archive:
    """The four operations."""

    def __init__(self, wsdl, url, ca, certificate, key, facts, port):
        session = requests.Session()
        session.verify, session.cert, session.trust_env = ca, (certificate, key), False
        client = zeep.Client(wsdl, transport=Transport(session=session, cache=InMemoryCache()))
        binding = "{urn:asiasilta:archive}Archive" + port[-2:]
        self.service = client.create_service(binding, url)
        self.facts, self.number = facts, 0

    def beginning(self, interaction, acknowledge):
        self.number += 1
        party = lambda kind, oid: {"typeCode": kind, "device": {"classCode": "DEV", "determinerCode": "INSTANCE", "id": {"root": oid}}}
        return {
            "ITSVersion": "XML_1.0",
            "id": {"root": self.facts.custodian, "extension": str(self.number)},
            "creationTime": {"value": self.facts.effective_time},
            "interactionId": {"root": "2.16.840.1.113883.1.6", "extension": interaction},
            "processingCode": {"code": "D"},
            "processingModeCode": {"code": "T"},
            "acceptAckCode": {"code": acknowledge},
            "receiver": party("RCV", RECEIVER),
            "sender": party("SND", self.facts.custodian),
        }

    def ground(self, service_request, trigger):
        return {
            "classCode": "CACT",
            "moodCode": "EVN",
            "code": {"code": trigger, "codeSystem": "2.16.840.1.113883.1.18"},
            "priorityCode": {"code": "R"},
            "reasonCode": [{"code": service_request, "codeSystem": "1.2.246.537.6.1503.201601"}, USE_SITUATION],
            "authorOrPerformer": {
                "typeCode": "PRF",
                "assignedPerson": dict(WORKER, representedOrganization=self.facts.unit),
            },
        }

    def metadata(self, **more):
        return {
            "classCode": "DOCCLIN",
            "moodCode": "EVN",
            "realmCode": {"code": "FI"},
            "typeId": {"root": "2.16.840.1.113883.1.3", "extension": "POCD_HD000040"},
            "id": {"root": self.facts.id},
            "code": REGISTER,
            "effectiveTime": {"value": self.facts.effective_time},
            "setId": {"root": self.facts.set_id},
            "recordTarget": [self.facts.record_target],
            "custodian": {
                "typeCode": "CST",
                "assignedCustodian": {"representedOrganization": {"id": {"root": self.facts.custodian}}},
            },
            **more,
        }

    def store(self, document):
        subject = self.metadata(
            text={"_value_1": base64.b64encode(document).decode(), "mediaType": "text/xml", "representation": "B64"},
            statusCode={"code": "COMPLETED"},
            versionNumber={"value": self.facts.version},
            completionCode={"code": "LA", "codeSystem": "1.2.246.537.5.40115.2006"},
            storageCode={"code": "AC", "codeSystem": "1.2.246.537.5.40116.2006"},
            author={
                "typeCode": "AUT",
                "time": {"nullFlavor": "NA"},
                "assignedAuthor": {"classCode": "ASSIGNED", "id": [{"nullFlavor": "NA"}]},
            },
        )
        act = dict(self.ground("SP1", "RCMR_TE000102UV01"), subject={"clinicalDocument": subject})
        return self.service.Store(**self.beginning("RCMR_IN200002FI01", "ER"), controlActProcess=act)

    def invalidate(self):
        subject = self.metadata(
            statusCode={"code": "NULLIFIED"},
            localSocialHeader={
                "documentGroup": {"code": self.facts.group, "codeSystem": "1.2.246.537.6.1505.201601"},
                "reasonOfInvalidation": "Väärä asiakas",
            },
        )
        act = dict(self.ground("OURS-INVALIDATE", "RCMR_TE000025UV01"), subject={"clinicalDocument": subject})
        return self.service.Invalidate(**self.beginning("RCMR_IN200025FI01", "ER"), controlActProcess=act)

    def query(self, operation, interaction, service_request):
        beginning = self.beginning(interaction, "NE")
        query = {
            "queryId": beginning["id"],
            "statusCode": {"code": "new"},
            "initialQuantity": {"value": 50},
            "clientId": {"value": self.facts.client},
            "custodianId": {"value": {"root": self.facts.custodian}},
            "registerCode": {"value": REGISTER},
            "documentId": {"value": {"root": self.facts.id}},
        }
        act = dict(self.ground(service_request, "RCMR_TE000029UV01"), queryByParameter=query)
        return operation(**beginning, controlActProcess=act)

    def find(self):
        return self.query(self.service.Find, "RCMR_IN200029FI01", "OURS-FETCH-METADATA")

    def fetch(self):
        return self.query(self.service.Fetch, "RCMR_IN200031FI01", "OURS-FETCH-RELATIONSHIP")


def must(holds, what):
    if not holds:
        sys.exit(f"failed: {what}")


def accepted(answer, what):
    details = [detail.code.displayName for detail in answer.acknowledgement.acknowledgementDetail]
    must(answer.acknowledgement.typeCode.code == "AA", f"{what}: {details}")


def statuses(answer):
    return [subject.clinicalDocument.statusCode.code for subject in answer.controlActProcess.subject]


def main():
    wsdl, url, ca, certificate, key, path, port = sys.argv[1:]
    with open(path, "rb") as file:
        document = file.read()
    archive = Archive(wsdl, url, ca, certificate, key, Facts(document), port)
    must(statuses(archive.find()) == [], "nothing is there before")
    accepted(archive.store(document), "store")
    accepted(archive.store(document), "store the same again")
    found = archive.find()
    must(found.controlActProcess.queryAck.queryResponseCode.code == "OK", "it is found")
    must(statuses(found) == ["COMPLETED"], "it is complete")
    text = archive.fetch().controlActProcess.subject[0].clinicalDocument.text
    must(base64.b64decode(text._value_1) == document, "what is fetched is what was stored, byte for byte")
    accepted(archive.invalidate(), "invalidate")
    accepted(archive.invalidate(), "invalidate again")
    must(statuses(archive.find()) == ["NULLIFIED"], "it is known to be invalid")
    must(statuses(archive.fetch()) == [], "it is fetched no more")
    print("ok")


main()
