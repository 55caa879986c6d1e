import java.io.File;
import java.io.FileInputStream;
import java.security.PublicKey;
import java.security.cert.CertificateFactory;
import javax.xml.crypto.dsig.Reference;
import javax.xml.crypto.dsig.XMLSignature;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMValidateContext;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** Verifies the first signature of a document with the JDK: DOCUMENT CERTIFICATE. Exit status 0 means valid, with two references. */
public class VerifySignature {
    public static void main(String[] arguments) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        Document document = factory.newDocumentBuilder().parse(new File(arguments[0]));
        PublicKey key;
        try (FileInputStream in = new FileInputStream(arguments[1])) {
            key = CertificateFactory.getInstance("X.509").generateCertificate(in).getPublicKey();
        }
        Element signature = (Element) document.getElementsByTagNameNS(XMLSignature.XMLNS, "Signature").item(0);
        DOMValidateContext context = new DOMValidateContext(key, signature);
        register(context, document.getElementsByTagNameNS("urn:hl7finland", "signatureTimestamp"));
        register(context, document.getElementsByTagNameNS("urn:hl7-org:v3", "nonXMLBody"));
        XMLSignature judged = XMLSignatureFactory.getInstance("DOM").unmarshalXMLSignature(context);
        boolean valid = judged.validate(context);
        int references = 0;
        for (Object reference : judged.getSignedInfo().getReferences()) {
            boolean holds = ((Reference) reference).validate(context);
            System.out.println(((Reference) reference).getURI() + " " + holds);
            references += holds ? 1 : 0;
        }
        System.out.println("valid " + valid);
        System.exit(valid && references == 2 ? 0 : 1);
    }

    private static void register(DOMValidateContext context, NodeList elements) {
        for (int i = 0; i < elements.getLength(); i++) {
            context.setIdAttributeNS((Element) elements.item(i), null, "ID");
        }
    }
}
